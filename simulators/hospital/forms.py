"""What a hospital's clerk fills in."""

from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, model_validator

CivilId = Annotated[str, Field(pattern=r"^[0-9]{12}$")]


class Sex(StrEnum):
    """A child's sex."""

    FEMALE = "female"
    MALE = "male"

    @property
    def other(self) -> "Sex":
        """The one that it is not."""
        return Sex.MALE if self is Sex.FEMALE else Sex.FEMALE


class How(StrEnum):
    """How well a birth is reported."""

    ONCE = "once"
    TWICE = "twice"
    LATE = "late"
    WITH_ERROR = "with-error"


class _Form(BaseModel):
    # Without hide_input_in_errors a civil ID that is mistyped would be in the failure's text.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class BirthForm(_Form):
    """A birth as it was, and how it is to be reported. `born_at` is now when it is not given."""

    mother_civil_id: CivilId
    father_civil_id: CivilId | None = None
    sex: Sex
    birth_order: int = Field(default=1, ge=1, le=9)
    born_at: AwareDatetime | None = None
    how: How = How.ONCE


class CorrectionForm(_Form):
    """What was reported wrongly; what is left out stays."""

    occurred_at: AwareDatetime | None = None
    mother_civil_id: CivilId | None = None
    father_civil_id: CivilId | None = None
    sex: Sex | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "CorrectionForm":
        if not self.model_fields_set:
            raise ValueError("a correction corrects something")
        return self

    def body(self) -> dict[str, JsonValue]:
        """What is sent: a father who is set to null is none; one who is left out stays."""
        return self.model_dump(mode="json", exclude_unset=True)
