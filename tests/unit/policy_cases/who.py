"""Identities, credentials, providers, regions, tags."""

import json

from tests.unit.policies import UNKNOWN, Case, Planned

POLICY = "aws:iam/policy:Policy"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
ROLE = "aws:iam/role:Role"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
CLUSTER_ROLE = "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole"
BINDING = "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding"
CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
SECRET = "kubernetes:core/v1:Secret"  # noqa: S105 - a type
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
STACK = "pulumi:pulumi:Stack"
AWS = "pulumi:providers:aws"
NODES = "aws:ec2/launchTemplate:LaunchTemplate"
VPC = "aws:ec2/vpc:Vpc"

TAGGED = {"Project": "marlinspike", "Environment": "dev", "ManagedBy": "pulumi"}
SUBJECT = {"StringEquals": {"issuer:sub": "repo:example/marlinspike:environment:dev"}}


def allows(action: object, resource: str = "*", kind: str = ROLE_POLICY, **more: object) -> Planned:
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource, **more}],
    }
    return Planned(kind, {"policy": json.dumps(document)})


def trusts(principal: object, action: str = "sts:AssumeRole", **more: object) -> Planned:
    statement = {"Effect": "Allow", "Principal": principal, "Action": action, **more}
    return Planned(ROLE, {"assumeRolePolicy": json.dumps({"Statement": [statement]})})


def variable(name: str, **value: object) -> Planned:
    container = {"name": "app", "env": [{"name": name, **value}]}
    return Planned(DEPLOYMENT, {"spec": {"template": {"spec": {"containers": [container]}}}})


def kubernetes_role(verbs: list[str], resources: list[str]) -> Planned:
    return Planned(CLUSTER_ROLE, {"rules": [{"verbs": verbs, "resources": resources}]})


def launches(*kinds: str) -> Planned:
    return Planned(NODES, {"tagSpecifications": [{"resourceType": kind, "tags": TAGGED} for kind in kinds]})


CASES = {
    "no-wildcard-writes": Case(
        good=[
            allows(["ec2:Describe*", "cloudwatch:GetMetricData"]),
            allows("s3:PutObject", "arn:aws:s3:::files/*"),
            allows("kms:CreateKey", Condition={"StringEquals": {"aws:RequestTag/Project": "marlinspike"}}),
            allows("logs:CreateLogDelivery"),
            Planned(POLICY, {"policy": UNKNOWN}),
        ],
        bad=[
            (allows("*", kind=POLICY), "allows * on every resource"),
            (allows(["s3:Get*", "s3:*"]), "allows s3:* on every resource"),
            (allows("ec2:TerminateInstances"), "ec2:TerminateInstances"),
            (Planned(ROLE, {"inlinePolicies": [{"policy": allows("iam:*").props["policy"]}]}), "iam:*"),
        ],
    ),
    "no-administrators": Case(
        good=[Planned(ATTACHMENT, {"policyArn": "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"})],
        bad=[
            (Planned(ATTACHMENT, {"policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}), "AdministratorAccess"),
            (Planned(ROLE, {"managedPolicyArns": ["arn:aws:iam::aws:policy/PowerUserAccess"]}), "PowerUserAccess"),
        ],
    ),
    "trust-is-narrow": Case(
        good=[
            trusts({"Service": "eks.amazonaws.com"}),
            trusts({"Federated": "arn:oidc"}, "sts:AssumeRoleWithWebIdentity", Condition=SUBJECT),
        ],
        bad=[
            (trusts("*"), "Everybody"),
            (trusts({"AWS": ["*"]}), "Everybody"),
            (trusts({"Federated": "arn:oidc"}, "sts:AssumeRoleWithWebIdentity"), "names the subject"),
        ],
    ),
    "no-users": Case(
        good=[],  # there is no good one: the rule looks at nothing else
        bad=[(Planned("aws:iam/user:User"), "user of IAM"), (Planned("aws:iam/accessKey:AccessKey"), "key of one")],
    ),
    "no-rule-of-all": Case(
        good=[kubernetes_role(["get", "list"], ["*"]), kubernetes_role(["*"], ["pods"])],
        bad=[
            (kubernetes_role(["*"], ["*"]), "every verb"),
            (Planned(BINDING, {"roleRef": {"name": "cluster-admin"}}), "cluster-admin"),
        ],
    ),
    "no-credential-in-properties": Case(
        good=[
            Planned(
                CONFIG_MAP,
                {"data": {"url": "https://user@example.com/", "database": "postgresql://${USER}:${PASS}@host/app"}},
            ),
            Planned(CONFIG_MAP, {"data": {"key": UNKNOWN}}),
        ],
        bad=[
            (
                Planned(CONFIG_MAP, {"data": {"key": "-----BEGIN RSA PRIVATE KEY-----\nMII"}}),
                "data.key looks like a private key",
            ),
            (Planned(CONFIG_MAP, {"data": {"url": "postgresql://app:hunter2@database/app"}}), "a URL with a password"),
            (Planned(VPC, {"tags": {"a": ["AKIA" + "ABCDEFGH12345678"]}}), "tags.a[0] looks like an access key"),
        ],
    ),
    "no-credential-in-environment": Case(
        good=[
            variable("DATABASE_PASSWORD_FILE", value="/var/run/secrets/password"),
            variable("DATABASE_PASSWORD", valueFrom={"secretKeyRef": {"name": "database"}}),
            variable("LOG_LEVEL", value="info"),
        ],
        bad=[(variable("DATABASE_PASSWORD", value="hunter2"), "DATABASE_PASSWORD of container app")],
    ),
    "no-secret-of-the-program": Case(
        good=[
            Planned(SECRET, {"type": "Opaque"}),
            Planned("aws:ssm/parameter:Parameter", {"type": "String", "value": "a"}),
        ],
        bad=[
            (Planned(SECRET, {"stringData": {"a": "b"}}), "stringData is given"),
            (
                Planned("aws:secretsmanager/secretVersion:SecretVersion", {"secretString": UNKNOWN}),
                "secretString is given",
            ),
            (Planned("aws:ssm/parameter:Parameter", {"type": "SecureString", "value": "a"}), "value is given"),
            (Planned("random:index/randomPassword:RandomPassword"), "keeps it in the state"),
        ],
    ),
    "no-credential-in-outputs": Case(
        good=[[Planned(STACK, {"url": "https://app.example.com", "database_secret_arn": "arn:aws:secretsmanager:a"})]],
        bad=[
            ([Planned(STACK, {"database_password": "hunter2"})], "a credential by its name"),
            ([Planned(STACK, {"database": "postgresql://app:hunter2@database/app"})], "a URL with a password"),
        ],
    ),
    "provider-is-explicit": Case(
        good=[Planned(VPC)],
        bad=[(Planned(VPC, provider="default_7_51_1"), "default provider")],
    ),
    "provider-names-its-account": Case(
        good=[Planned(AWS, {"allowedAccountIds": '["111122223333"]', "skipCredentialsValidation": "false"})],
        bad=[
            (Planned(AWS), "allowedAccountIds is left out"),
            (Planned(AWS, {"allowedAccountIds": '["1"]', "skipCredentialsValidation": "true"}), "switched off"),
        ],
    ),
    "regions-are-approved": Case(
        good=[
            Planned(AWS, {"region": "eu-west-3"}),
            Planned(VPC, {"region": "eu-central-1"}),
            Planned(VPC),
            Planned("aws:acm/certificate:Certificate", {"region": "us-east-1"}),
        ],
        bad=[
            (Planned(AWS, {"region": "us-east-1"}), "region is us-east-1; approved are eu-west-3, eu-central-1"),
            (Planned(AWS), "region is left out"),
            (Planned(VPC, {"region": "us-east-1"}), "region is us-east-1"),
            (
                Planned("aws:secretsmanager/secret:Secret", {"replicas": [{"region": "us-east-1"}]}),
                "copied to us-east-1",
            ),
        ],
    ),
    "tags-by-default": Case(
        good=[
            Planned(AWS, {"defaultTags": json.dumps({"tags": TAGGED})}),
            Planned(AWS, {"defaultTags": {"tags": TAGGED}}),
        ],
        bad=[
            (Planned(AWS), "lacks Project, Environment, ManagedBy"),
            (Planned(AWS, {"defaultTags": json.dumps({"tags": {"Project": "a"}})}), "lacks Environment, ManagedBy"),
        ],
    ),
    "tags-stay": Case(
        good=[Planned(VPC, {"tags": {"Name": "a"}}), Planned(VPC)],
        bad=[(Planned(VPC, {"tags": {"Project": ""}}), "The tag Project is empty")],
    ),
    "nodes-are-tagged": Case(
        good=[launches("instance", "volume")],
        bad=[(launches("instance"), "(volume) lacks Project")],
    ),
}
