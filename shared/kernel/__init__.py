"""Words of the field without any I/O: ids, time, money, people's numbers, texts and errors."""
