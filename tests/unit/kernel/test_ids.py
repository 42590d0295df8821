from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from shared.kernel.ids import derive_id, new_id
from tests.unit.generated import QUICK

PARTS = st.text(st.characters(codec="utf-8", exclude_characters="\x1f"), max_size=10) | st.uuids() | st.integers()
KEYS = st.lists(PARTS, min_size=1, max_size=4)


def test_new_ids_are_of_version_seven_and_in_the_order_of_their_making() -> None:
    ids = [new_id() for _ in range(1000)]
    assert {id.version for id in ids} == {7}
    assert ids == sorted(set(ids))


@QUICK
@given(KEYS)
def test_the_same_business_key_names_the_same_thing(key: list[object]) -> None:
    assert derive_id(*key) == derive_id(*key)
    assert derive_id(*key).version == 5


@QUICK
@given(KEYS, KEYS)
def test_other_business_keys_name_other_things(one: list[object], other: list[object]) -> None:
    same = [str(part) for part in one] == [str(part) for part in other]
    assert (derive_id(*one) == derive_id(*other)) == same


def test_derived_ids_stay_the_same_for_ever() -> None:
    assert derive_id("payment", UUID(int=1)) == UUID("0fbb1106-7efb-5502-97a9-1b44a824e8a3")
