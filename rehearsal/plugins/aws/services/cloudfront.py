"""The content delivery network (service `cloudfront`), which knows no region."""

from rehearsal.plugins.aws.errors import AwsError
from rehearsal.plugins.aws.subject import Computed, Subject, makes

CERTIFICATES = "arn:aws:acm:us-east-1:"


@makes("aws:cloudfront/distribution:Distribution")
def distribution(subject: Subject) -> Computed:
    """A distribution; it takes certificates of us-east-1 only."""
    certificate = (subject.inputs.get("viewerCertificate") or {}).get("acmCertificateArn")
    if certificate and not certificate.startswith(CERTIFICATES):
        raise AwsError(
            "InvalidViewerCertificate",
            "The specified SSL certificate doesn't exist, isn't in us-east-1 region, isn't valid, "
            "or doesn't include a valid certificate chain.",
        )
    identifier = f"E{subject.letters(13)}"
    return Computed(
        identifier,
        {
            "arn": subject.arn("cloudfront", f"distribution/{identifier}", regional=False),
            "domainName": f"d{subject.hex(13)}.cloudfront.net",
            "hostedZoneId": "Z2FDTNDATAQYW2",
            "status": "Deployed",
            "etag": f"E{subject.letters(13, 'etag')}",
        },
    )


@makes("aws:cloudfront/originAccessControl:OriginAccessControl")
def origin_access_control(subject: Subject) -> Computed:
    """How a distribution signs its requests to an origin; its name is unique in the account."""
    name = subject.text("name")
    if any(other.value("name") == name for other in subject.others()):
        raise AwsError("OriginAccessControlAlreadyExists", f"An origin access control named {name} already exists.")
    identifier = f"E{subject.letters(13)}"
    return Computed(
        identifier,
        {
            "arn": subject.arn("cloudfront", f"origin-access-control/{identifier}", regional=False),
            "etag": f"E{subject.letters(13, 'etag')}",
        },
    )
