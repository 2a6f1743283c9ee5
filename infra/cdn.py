"""The content delivery network: CloudFront in front of the bucket's static files."""

from typing import Annotated, Any

import pulumi
import pulumi_aws as aws
from pulumi import Output, ResourceOptions
from pydantic import Field

from infra.buckets import Bucket
from infra.settings import DomainName, HostedZoneId, Section

STATIC = "static"
"""Prefix of the files that everybody may read, through CloudFront only."""

CERTIFICATES = "us-east-1"
"""CloudFront takes certificates of this region only (CloudFront developer guide, "Requirements for using SSL/TLS
certificates with CloudFront")."""

CACHING_OPTIMIZED = "658327ea-f89d-4fab-a63d-7e88639e58f6"
"""CloudFront developer guide, "Use managed cache policies"; gzip and Brotli are part of it."""

SECURITY_HEADERS = "67f7725c-6f97-4210-82d7-5512b31e9d03"
"""CloudFront developer guide, "Use managed response headers policies": HSTS, no sniffing, no framing, strict referrer."""

CLOUDFRONT_ZONE = "Z2FDTNDATAQYW2"
"""Hosted zone of every distribution (Route 53 API reference, "AliasTarget")."""


class CdnSettings(Section):
    """Section `cdn` of a stack file; without it there is none.

    The domain is a must: under CloudFront's own name (`*.cloudfront.net`) TLS 1.0 is accepted, whatever one asks for.
    """

    domain: DomainName
    """Name under which the files are served, such as `static.example.com`."""

    zone_id: HostedZoneId
    """Route 53 hosted zone that holds the domain; the certificate is validated there."""

    price_class: Annotated[str, Field(pattern=r"^PriceClass_(100|200|All)$")] = "PriceClass_100"
    """Where CloudFront answers from: 100 is Europe and North America, the cheapest."""

    default_root_object: Annotated[str, Field(pattern=r"^[\w.-]+$")] = "index.html"
    """What `/` shows."""

    web_acl_arn: Annotated[str, Field(pattern=r"^arn:aws:wafv2:us-east-1:[0-9]{12}:global/webacl/.+$")] | None = None
    """A WAF web ACL of scope CLOUDFRONT, if requests are to be filtered."""


class Cdn(pulumi.ComponentResource):
    """A CloudFront distribution of the bucket's prefix `static/` under a domain of its own.

    Type token: `marlinspike:cdn:Cdn`. Makes an origin access control, the distribution (TLS 1.2 and newer, HTTP/2 and 3), its
    certificate with the records that validate it, and the domain's records. The bucket's policy must admit it: `reading`.
    """

    distribution_arn: Output[str]

    def __init__(self, name: str, settings: CdnSettings, bucket: Bucket, opts: ResourceOptions | None = None) -> None:
        super().__init__("marlinspike:cdn:Cdn", name, {}, opts)
        child = ResourceOptions(parent=self)
        access = aws.cloudfront.OriginAccessControl(
            f"{name}-access",
            origin_access_control_origin_type="s3",
            signing_behavior="always",
            signing_protocol="sigv4",
            opts=child,
        )
        distribution = aws.cloudfront.Distribution(
            f"{name}-distribution",
            enabled=True,
            comment=f"Static files of {name}",
            aliases=[settings.domain],
            is_ipv6_enabled=True,
            http_version="http2and3",
            price_class=settings.price_class,
            default_root_object=settings.default_root_object,
            web_acl_id=settings.web_acl_arn,
            origins=[
                {
                    "origin_id": "files",
                    "domain_name": bucket.bucket.bucket_regional_domain_name,
                    "origin_path": f"/{STATIC}",
                    "origin_access_control_id": access.id,
                }
            ],
            default_cache_behavior={
                "target_origin_id": "files",
                "viewer_protocol_policy": "redirect-to-https",
                "allowed_methods": ["GET", "HEAD"],
                "cached_methods": ["GET", "HEAD"],
                "compress": True,
                "cache_policy_id": CACHING_OPTIMIZED,
                "response_headers_policy_id": SECURITY_HEADERS,
            },
            restrictions={"geo_restriction": {"restriction_type": "none"}},
            viewer_certificate={
                "acm_certificate_arn": self._certificate(name, settings),
                "ssl_support_method": "sni-only",
                "minimum_protocol_version": "TLSv1.2_2021",
            },
            opts=child,
        )
        self._address(name, settings, distribution)
        self.distribution_arn = distribution.arn
        self.register_outputs({"distributionArn": self.distribution_arn})

    def _address(self, name: str, settings: CdnSettings, distribution: aws.cloudfront.Distribution) -> None:
        for kind in ("A", "AAAA"):
            aws.route53.Record(
                f"{name}-{kind.lower()}",
                zone_id=settings.zone_id,
                name=settings.domain,
                type=kind,
                aliases=[
                    {
                        "name": distribution.domain_name,
                        "zone_id": CLOUDFRONT_ZONE,
                        "evaluate_target_health": False,  # CloudFront has no health to evaluate
                    }
                ],
                opts=ResourceOptions(parent=self),
            )

    def reading(self, bucket: Bucket) -> dict[str, Any]:
        """The statement of the bucket's policy that lets this distribution, and no other, read what is static."""
        return {
            "Sid": "StaticFilesForCloudFront",
            "Effect": "Allow",
            "Principal": {"Service": "cloudfront.amazonaws.com"},
            "Action": "s3:GetObject",
            "Resource": Output.concat(bucket.arn, f"/{STATIC}/*"),
            "Condition": {"StringEquals": {"aws:SourceArn": self.distribution_arn}},
        }

    def _certificate(self, name: str, settings: CdnSettings) -> Output[str]:
        """A certificate that is valid by the time that its ARN is known."""
        child = ResourceOptions(parent=self)
        certificate = aws.acm.Certificate(
            f"{name}-certificate",
            domain_name=settings.domain,
            validation_method="DNS",
            region=CERTIFICATES,
            opts=child,
        )
        proof = certificate.domain_validation_options[0]
        record = aws.route53.Record(
            f"{name}-validation",
            zone_id=settings.zone_id,
            name=proof.resource_record_name.apply(str),
            type=proof.resource_record_type.apply(str),
            records=[proof.resource_record_value.apply(str)],
            ttl=300,  # seconds
            allow_overwrite=True,  # the same domain in the same account always has the same proof
            opts=child,
        )
        validated = aws.acm.CertificateValidation(
            f"{name}-validated",
            certificate_arn=certificate.arn,
            validation_record_fqdns=[record.fqdn],
            region=CERTIFICATES,
            opts=child,
        )
        return validated.certificate_arn
