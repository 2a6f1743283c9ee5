"""The Terraform text of a stack says what the engine knows: names, blocks, references, and no secret."""

from pathlib import Path
from typing import Any

import pytest

from rehearsal.manifests import SPECIAL
from rehearsal.plugins.aws.types import type_tokens
from rehearsal.terraform import is_known, terraform_type, write_terraform
from rehearsal.terraform.hcl import Block, Document, Reference
from rehearsal.terraform.types import KNOWN, argument_name, block_name
from tests.judges.state import aws, state, urn
from tests.unit.plan import AWS_STACKS, planned

VPC = "aws:ec2/vpc:Vpc"
SUBNET = "aws:ec2/subnet:Subnet"
BUCKET = "aws:s3/bucket:Bucket"
GROUP = "aws:ec2/securityGroup:SecurityGroup"


def written(tmp_path: Path, *resources: dict[str, Any]) -> str:
    write_terraform(state(*resources), tmp_path / "terraform")
    return "\n".join(file.read_text() for file in sorted((tmp_path / "terraform").iterdir()))


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_terraforms_name_of_every_type_of_a_shipped_stack_is_known(stack: str) -> None:
    used = {resource.type for resource in planned(stack).resources if resource.type.startswith("aws:")}
    unknown = sorted(token for token in used if not is_known(token))
    assert used
    assert unknown == [], (
        "look Terraform's names up and add them to rehearsal/terraform/types.py: checkov reads no others"
    )


def test_every_known_type_exists_in_the_sdk() -> None:
    assert KNOWN.keys() - {token.split(":")[1] for token in type_tokens()} == set()


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        (VPC, "aws_vpc"),
        ("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "aws_vpc_security_group_ingress_rule"),
        ("aws:rds/instance:Instance", "aws_db_instance"),
        ("aws:rds/cluster:Cluster", "aws_rds_cluster"),
        ("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "aws_s3_bucket_public_access_block"),
        ("aws:wafv2/ipSet:IpSet", "aws_wafv2_ip_set"),
        ("aws:eks/podIdentityAssociation:PodIdentityAssociation", "aws_eks_pod_identity_association"),
    ],
)
def test_types_have_terraforms_names(token: str, expected: str) -> None:
    assert terraform_type(token) == expected
    assert is_known(token)


def test_a_type_that_nobody_looked_up_is_guessed_and_said_to_be_so() -> None:
    assert terraform_type("aws:memorydb/acl:Acl") == "aws_memorydb_acl"
    assert not is_known("aws:memorydb/acl:Acl")


@pytest.mark.parametrize(
    ("name", "listed", "expected"),
    [
        ("rules", True, "rule"),
        ("metricQueries", True, "metric_query"),
        ("aliases", True, "alias"),
        ("blockDeviceMappings", True, "block_device_mappings"),
        ("ingress", True, "ingress"),
        ("bypasses", True, "bypass"),
        ("vpcConfig", False, "vpc_config"),
        ("updateOptions", False, "update_options"),
    ],
)
def test_blocks_that_pulumi_makes_plural_are_singular_again(name: str, listed: bool, expected: str) -> None:
    assert block_name(name, listed=listed) == expected


def test_arguments_that_pulumi_renames_have_terraforms_names() -> None:
    assert argument_name("aws_cloudwatch_metric_alarm", "name") == "alarm_name"
    assert argument_name("aws_vpc", "enableDnsHostnames") == "enable_dns_hostnames"


def test_objects_are_blocks_and_maps_are_arguments(tmp_path: Path) -> None:
    text = written(
        tmp_path,
        aws(
            "aws:eks/nodeGroup:NodeGroup",
            "nodes",
            {
                "labels": {"example.com/role": "system", "plain": "yes"},
                "scalingConfig": {"minSize": 2, "maxSize": 3},
                "taints": [{"key": "a", "effect": "NO_SCHEDULE"}, {"key": "b", "effect": "NO_EXECUTE"}],
                "subnetIds": ["one", "two"],
                "forceUpdateVersion": False,
                "__defaults": ["nodeGroupName"],
            },
        ),
    )
    assert text == (
        'resource "aws_eks_node_group" "nodes" {\n'
        "  labels = {\n"
        '    "example.com/role" = "system"\n'
        '    plain = "yes"\n'
        "  }\n"
        '  subnet_ids = ["one", "two"]\n'
        "  force_update_version = false\n"
        "  scaling_config {\n    min_size = 2\n    max_size = 3\n  }\n"
        '  taint {\n    key = "a"\n    effect = "NO_SCHEDULE"\n  }\n'
        '  taint {\n    key = "b"\n    effect = "NO_EXECUTE"\n  }\n'
        "}\n"
    )


def test_blocks_within_blocks_keep_their_depth(tmp_path: Path) -> None:
    text = written(
        tmp_path,
        aws(
            "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
            "encryption",
            {"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms"}}]},
        ),
    )
    assert "  rule {\n    apply_server_side_encryption_by_default {\n      sse_algorithm" in text


def test_what_the_engine_says_depends_on_a_resource_refers_to_it(tmp_path: Path) -> None:
    vpc = aws(VPC, "main-vpc", {"cidrBlock": "10.0.0.0/16"}, outputs={"arn": "arn:vpc"})
    subnet = aws(
        SUBNET,
        "a",
        {"vpcId": "main-vpc-id", "cidrBlock": "10.0.0.0/24", "availabilityZone": "main-vpc-id"},
        propertyDependencies={"vpcId": [vpc["urn"]], "cidrBlock": []},
    )
    text = written(tmp_path, vpc, subnet)
    assert "vpc_id = aws_vpc.main_vpc.id" in text
    assert 'availability_zone = "main-vpc-id"' in text, "an equal text that comes from nowhere is no reference"


def test_references_reach_into_lists_objects_and_components(tmp_path: Path) -> None:
    component = {"urn": urn("eks:index:Cluster", "eks"), "type": "eks:index:Cluster"}
    cluster = aws(
        "aws:eks/cluster:Cluster",
        "cluster",
        {},
        parent=component["urn"],
        outputs={
            "vpcConfig": {"clusterSecurityGroupId": "sg-1"},
            "identities": [{"oidcs": [{"issuer": "https://oidc"}]}],
        },
    )
    group = aws(
        GROUP,
        "fence",
        {
            "ingress": [{"fromPort": 5432, "toPort": 5432, "protocol": "tcp", "securityGroups": ["sg-1"]}],
            "name": "https://oidc",
        },
        propertyDependencies={"ingress": [component["urn"]], "name": [cluster["urn"]]},
    )
    text = written(tmp_path, component, cluster, group)
    assert "security_groups = [aws_eks_cluster.cluster.vpc_config[0].cluster_security_group_id]" in text
    assert "name = aws_eks_cluster.cluster.identity[0].oidc[0].issuer" in text


def test_short_values_are_no_references(tmp_path: Path) -> None:
    first = aws(VPC, "v", {"instanceTenancy": "tcp"})
    second = aws(GROUP, "g", {"description": "tcp"}, propertyDependencies={"description": [first["urn"]]})
    assert 'description = "tcp"' in written(tmp_path, first, second)


def test_the_id_and_the_arn_are_preferred_to_other_attributes(tmp_path: Path) -> None:
    key = aws("aws:kms/key:Key", "key", {"description": "arn:key"}, outputs={"arn": "arn:key", "keyId": "key-id"})
    alias = aws(
        "aws:kms/alias:Alias",
        "alias",
        {"targetKeyId": "key-id", "name": "arn:key"},
        propertyDependencies={"targetKeyId": [key["urn"]], "name": [key["urn"]]},
    )
    text = written(tmp_path, key, alias)
    assert "target_key_id = aws_kms_key.key.id" in text
    assert "name = aws_kms_key.key.arn" in text


@pytest.mark.parametrize("hidden", ["1b47061264138c4ac30d75fd1eb44270", "c44067f5952c0a294b673a41bacd8c17"])
def test_secrets_are_left_out_wherever_they_stand(tmp_path: Path, hidden: str) -> None:
    secret = {SPECIAL: hidden, "ciphertext": "hunter2", "plaintext": "hunter2"}
    text = written(
        tmp_path,
        aws(
            "aws:elasticache/user:User",
            "user",
            {
                "userName": "app",
                "passwords": [secret],
                "noPasswordRequired": secret,
                "tags": {"open": "yes", "shut": secret},
            },
        ),
    )
    assert "hunter2" not in text
    assert "no_password_required" not in text
    assert 'user_name = "app"' in text
    assert 'open = "yes"' in text


def test_a_policy_is_an_object_and_its_variables_are_no_expressions(tmp_path: Path) -> None:
    policy = '{"Statement": [{"Resource": "arn:aws:s3:::b/${aws:PrincipalTag/team}", "Action": ["s3:Get%{x}"]}]}'
    text = written(tmp_path, aws("aws:iam/rolePolicy:RolePolicy", "p", {"policy": policy, "name": "{no json"}))
    assert "policy = jsonencode({\n    Statement = [{\n" in text
    assert '"arn:aws:s3:::b/$${aws:PrincipalTag/team}"' in text
    assert '"s3:Get%%{x}"' in text
    assert 'name = "{no json"' in text


def test_each_component_has_a_file_whose_order_never_changes(tmp_path: Path) -> None:
    network = {"urn": urn("marlinspike:network:Network", "n"), "type": "marlinspike:network:Network"}
    inner = {"urn": urn("marlinspike:fence:Fence", "f"), "type": "marlinspike:fence:Fence", "parent": network["urn"]}
    resources = [aws(VPC, name, {}, parent=inner["urn"]) for name in ("b", "a")]
    written(tmp_path, network, inner, *resources, aws(BUCKET, "alone", {}))
    folder = tmp_path / "terraform"
    assert {file.name for file in folder.iterdir()} == {"network.tf", "stack.tf"}
    assert (folder / "network.tf").read_text() == 'resource "aws_vpc" "a" {\n}\n\nresource "aws_vpc" "b" {\n}\n'


def test_resources_of_one_name_have_different_addresses(tmp_path: Path) -> None:
    one, other = aws(VPC, "a-b", {}), aws(VPC, "a.b", {})
    assert [each.address for each in write_terraform(state(one, other), tmp_path)] == ["aws_vpc.a_b", "aws_vpc.a_b_2"]


def test_only_what_exists_is_written_and_nothing_of_an_earlier_run_is_left(tmp_path: Path) -> None:
    (tmp_path / "old.tf").write_text("x")
    going = aws(VPC, "going", {}) | {"delete": True}
    others = {"urn": urn("kubernetes:core/v1:Namespace", "n"), "type": "kubernetes:core/v1:Namespace", "custom": True}
    assert write_terraform(state(going, others), tmp_path) == []
    assert list(tmp_path.iterdir()) == []
    assert write_terraform({"version": 3, "deployment": {}}, tmp_path) == []


def test_each_resource_tells_the_line_that_declares_it(tmp_path: Path) -> None:
    frames = ["", "project:///../../sdk/provider.py#9", "project:///infra/network.py#12", "project:///stacks/aws.py#3"]
    trace = [{"sourcePosition": frame} if frame else {} for frame in frames]
    [each] = write_terraform(state(aws(VPC, "v", {}, stackTrace=trace)), tmp_path)
    assert (each.place, each.token) == ("infra/network.py:12", VPC)
    assert (tmp_path / "stack.tf").read_text().startswith("# infra/network.py:12\nresource")


def test_resources_of_a_second_provider_name_it(tmp_path: Path) -> None:
    def provider(name: str, region: str) -> dict[str, Any]:
        inputs = {
            "region": region,
            "defaultTags": '{"tags": {"Project": "shop"}}',
            "allowedAccountIds": '["1111"]',
            "secretKey": "hunter2",
        }
        return {
            "urn": urn("pulumi:providers:aws", name),
            "type": "pulumi:providers:aws",
            "custom": True,
            "inputs": inputs,
        }

    first, second = provider("aws", "eu-west-3"), provider("aws-second", "eu-central-1")
    text = written(
        tmp_path,
        first,
        second,
        aws(VPC, "here", {}, provider=f"{first['urn']}::id"),
        aws(VPC, "there", {}, provider=f"{second['urn']}::id"),
    )
    assert (
        'provider "aws" {\n  region = "eu-west-3"\n  allowed_account_ids = ["1111"]\n  default_tags {\n    tags = {'
        in text
    )
    assert 'provider "aws" {\n  alias = "aws_second"\n  region = "eu-central-1"' in text
    assert 'resource "aws_vpc" "here" {\n}' in text
    assert 'resource "aws_vpc" "there" {\n  provider = aws.aws_second\n}' in text
    assert "hunter2" not in text


def test_the_language_has_its_quotes_and_escapes() -> None:
    block = Block(
        "a", ("b c",), {"text": 'say "so"\n', "nothing": None, "document": Document({}), "of": Reference("x.y.id")}
    )
    assert block.render() == (
        'a "b c" {\n  text = "say \\"so\\"\\n"\n  nothing = null\n  document = jsonencode({})\n  of = x.y.id\n}\n'
    )
