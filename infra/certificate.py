"""A certificate for one domain, proved through DNS."""

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions


class Certificate(pulumi.ComponentResource):
    """An ACM certificate and its validation.

    Type token: `marlinspike:certificate:Certificate`. Makes the DNS record that proves the domain, by which ACM also renews the
    certificate for as long as the record stands. It is the same for the domain's certificates in every region of an account:
    a `second` one takes it over as it is, and leaves it for the first when it goes.
    """

    arn: Output[str]
    """Of a certificate that is issued: a listener accepts no other."""

    def __init__(
        self,
        name: str,
        domain: str,
        hosted_zone_id: Input[str],
        *,
        second: bool = False,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("marlinspike:certificate:Certificate", name, {}, opts)
        certificate = aws.acm.Certificate(
            f"{name}-certificate",
            domain_name=domain,
            validation_method="DNS",
            key_algorithm="EC_prime256v1",  # smaller handshakes than RSA's; every client of TLS 1.2 knows it
            opts=ResourceOptions(parent=self),
        )
        option = certificate.domain_validation_options[0]
        proof = aws.route53.Record(
            f"{name}-proof",
            zone_id=hosted_zone_id,
            name=option.resource_record_name.apply(str),
            type=option.resource_record_type.apply(str),
            records=[option.resource_record_value.apply(str)],
            ttl=300,  # seconds
            allow_overwrite=second or None,
            opts=ResourceOptions(parent=self, retain_on_delete=second),
        )
        issued = aws.acm.CertificateValidation(
            f"{name}-validation",
            certificate_arn=certificate.arn,
            validation_record_fqdns=[proof.fqdn],
            # ACM's "several minutes"; a zone to which nobody delegates would hold the update up for the provider's 75.
            opts=ResourceOptions(parent=self, custom_timeouts=pulumi.CustomTimeouts(create="20m")),
        )
        self.arn = issued.certificate_arn
        self.register_outputs({"arn": self.arn})
