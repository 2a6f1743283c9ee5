"""Makes the page from the material: one HTML file that needs nothing else."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from rehearsal.events import STACK_TYPE
from rehearsal.layers import LAYERS, OTHER
from rehearsal.report import colours
from rehearsal.report.architecture.drawing import drawn
from rehearsal.report.architecture.picture import picture
from rehearsal.report.material import Material
from rehearsal.report.sections import components, drills, matrix, opinions, pods, price, timeline

TEMPLATES = Path(__file__).with_name("templates")

CONTENTS = (
    ("picture", "Architecture"),
    ("plan", "Plan"),
    ("time", "Time"),
    ("pods", "Pods"),
    ("drills", "Drills"),
    ("policies", "Network policies"),
    ("price", "Price"),
    ("opinions", "Policies and judges"),
    ("honesty", "What was simulated"),
)


def page(material: Material) -> str:
    """The whole page. Text of the material is escaped; only this package's own pictures are taken as they are."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    content = {**_head(material), **_body(material), "contents": CONTENTS, "layers": (*LAYERS, OTHER)}
    return environment.get_template("page.html.jinja").render(content)


def architecture(material: Material) -> str:
    """The picture alone, as it stands in docs/architecture.svg."""
    return drawn(picture(material.stack, material.graph, material.cluster))


def _head(material: Material) -> Mapping[str, Any]:
    minutes = timeline.minutes_on_aws(material)
    return {
        "light": Markup(colours.variables()),  # noqa: S704 - constants of this package
        "dark": Markup(colours.variables(dark=True)),  # noqa: S704 - as above
        "stack": material.stack,
        "when": material.when.strftime("%Y-%m-%d %H:%M"),
        "day": material.when.strftime("%Y-%m-%d"),
        "clock": material.when.strftime("%H:%M"),
        "sentence": _sentence(material),
        "aws": bool(material.graph.region),
        "real_node": any(not node["simulated"] for node in material.cluster.nodes),
        "resources": sum(resource.type != STACK_TYPE for resource in material.graph.resources),
        "changes": ", ".join(f"{count} {operation}" for operation, count in sorted(material.changes.items())),
        "seconds": max((done for _, done in material.times.values()), default=0),
        "minutes": minutes[0] if minutes else None,
        "bound": minutes[1] if minutes else None,
        "versions": material.versions,
        "simulated": material.simulated,
        "real": material.real,
        "kubeconfig": f"out/{material.stack}/kubeconfig",
    }


def _sentence(material: Material) -> str:
    """What the platform is, in half a sentence."""
    graph, zones = material.graph, {node["zone"] for node in material.cluster.nodes}
    if not graph.region:
        return "an application, PostgreSQL and Valkey in any Kubernetes cluster"
    parts = [
        f"a network over {len(zones) or 'several'} zones in {graph.region}",
        "a Kubernetes cluster (EKS)",
        *(["PostgreSQL (RDS)"] if graph.of("aws:rds/instance:Instance") else []),
        *(["Valkey (ElastiCache)"] if any(r.type.startswith("aws:elasticache/") for r in graph.resources) else []),
    ]
    return f"{', '.join(parts)}, and the application on them"


def _body(material: Material) -> Mapping[str, Any]:
    drawing = picture(material.stack, material.graph, material.cluster)
    found, plots = components.components(material), drills.plots(material)
    charts = {"measured": timeline.measured(material), "computed": timeline.computed(material)}
    return {
        "architecture": Markup(drawn(drawing)),  # noqa: S704 - escaped by rehearsal.report.svg
        "arrows": drawing.arrows,
        "boxes": drawing.boxes,
        "components": found,
        "layer_counts": components.by_layer(found),
        **{
            name: chart and {"picture": Markup(chart.picture), "rows": chart.rows}  # noqa: S704 - as above
            for name, chart in charts.items()
        },
        "zones": pods.zones(material),
        "homeless": pods.homeless(material),
        "plots": {name: Markup(plot.picture) for name, plot in plots.items()},  # noqa: S704 - as above
        "plot_words": {name: plot.words for name, plot in plots.items()},
        **drills.about(material),
        "dates": material.dates,
        "matrix": matrix.matrix(material),
        "price": price.price(material),
        "policy": opinions.policy(material),
        "judges": opinions.judges(material),
    }
