"""The bill of materials of an image (CycloneDX 1.6, JSON): what lies in it, not what was asked for."""

import uuid
from datetime import UTC, datetime
from email.message import Message

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from rehearsal.image.errors import ImageError
from rehearsal.image.inspection import Image

LONGEST_LICENSE = 100
"""Characters; some packages have the whole text of theirs in the field for its name."""


def bill(image: Image) -> str:
    """The bill: the application, its Python packages, and the Debian packages of its base. Raises ImageError.

    The same image has the same bill: the date is the image's, and the serial number is made of the image's digest.
    """
    labels = image.config["Labels"]
    application = Component(
        type=ComponentType.CONTAINER,
        name=labels["org.opencontainers.image.title"],
        version=labels["org.opencontainers.image.version"],
        bom_ref=image.identity,
    )
    bom = Bom(
        serial_number=uuid.uuid5(uuid.NAMESPACE_URL, image.identity),
        components=[_python(each) for each in image.python_packages()]
        + [_debian(each) for each in image.debian_packages()],
    )
    bom.metadata.component = application
    bom.metadata.timestamp = datetime.fromisoformat(image.document["created"]).astimezone(UTC)
    bom.register_dependency(application, bom.components)
    text = JsonV1Dot6(bom).output_as_string(indent=1)
    fault = JsonStrictValidator(JsonV1Dot6(bom).schema_version).validate_str(text)
    if fault is not None:
        raise ImageError(f"The bill of materials is not as CycloneDX wants it: {fault}")
    return text + "\n"


def _python(metadata: Message) -> Component:
    name, version = str(metadata["Name"]), str(metadata["Version"])
    license_name = str(metadata["License-Expression"] or metadata["License"] or "").strip()
    return Component(
        type=ComponentType.LIBRARY,
        name=name,
        version=version,
        purl=PackageURL("pypi", None, name.lower().replace("_", "-"), version),
        bom_ref=f"pypi:{name}",
        licenses=[LicenseFactory().make_from_string(license_name)] if 0 < len(license_name) <= LONGEST_LICENSE else [],
    )


def _debian(description: Message) -> Component:
    name, version, architecture = (str(description[key]) for key in ("Package", "Version", "Architecture"))
    return Component(
        type=ComponentType.LIBRARY,
        name=name,
        version=version,
        purl=PackageURL("deb", "debian", name, version, {"arch": architecture}),
        bom_ref=f"deb:{name}",
    )
