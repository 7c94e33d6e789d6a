"""The gallery: a table of the examples, and a page for each, made from the script itself.

``TITLES`` lists the scripts of ``examples/`` by section. MkDocs calls the two hooks at the end, so
that the pages exist in the site only: what a page says is the docstring of its script.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"

SECTIONS: dict[str, tuple[str, ...]] = {
    "Mathematics and statistics": (
        "least_squares",
        "hmm_baum_welch",
        "gaussian_mixture",
        "cobb_douglas",
        "factor_graph",
        "pagerank",
        "cost_laws",
        "jacobian_sparsity",
        "expression_swell",
    ),
    "Physics": (
        "wave_imaging",
        "full_waveform_inversion",
        "data_assimilation",
        "heat_adjoint",
        "beam_thickness",
        "finite_elements",
        "boltzmann_machine",
        "ising_mean_field",
        "feynman_loop",
        "adversarial_work",
        "rotation_invariance",
        "slingshot",
        "moon_landing",
    ),
    "Optimisation as dynamics": (
        "gradient_flow",
        "momentum",
        "hamiltonian_monte_carlo",
        "variational_free_energy",
        "hessian_spectrum",
        "meta_learning",
    ),
    "Networks": (
        "digits_mlp",
        "saliency_maps",
        "fgsm_attack",
        "lottery_ticket",
        "variational_autoencoder",
        "splice_rnn",
        "molecule_graphs",
        "neural_ode",
        "signal_propagation",
        "wave_network",
        "broadcasting_bias",
        "stable_softplus",
        "relu_kinks",
        "straight_through",
        "spiking_neurons",
    ),
    "Inverse problems": (
        "renderer",
        "radiance_field",
        "inverse_kinematics",
        "lynx_hare",
        "checkpointing",
    ),
}


@dataclass(frozen=True)
class Example:
    """A script, and what its docstring says."""

    name: str
    title: str
    idea: str
    adjoint: str
    oracle: str
    code: str

    @property
    def short(self) -> str:
        """The name as a heading of the menu."""
        return self.name.replace("_", " ").capitalize()


def example(name: str) -> Example:
    """Read a script.

    Raises ``ValueError`` if its docstring is not a title, the idea, and paragraphs that begin with
    "The adjoint:" and "The oracle:".
    """
    text = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
    tree = ast.parse(text)
    paragraphs = (ast.get_docstring(tree) or "").split("\n\n")
    starts = ("The adjoint:", "The oracle:")
    found = [k for start in starts for k, p in enumerate(paragraphs) if p.startswith(start)]
    if len(found) != len(starts) or not 1 < found[0] < found[1]:
        raise ValueError(f"examples/{name}.py: no idea, no adjoint or no oracle in its docstring")
    middle, end = found
    parts = (paragraphs[1:middle], paragraphs[middle:end], paragraphs[end:])
    idea, adjoint, oracle = ("\n\n".join(part) for part in parts)
    docstring = tree.body[0]
    code = "\n".join(text.splitlines()[docstring.end_lineno :]).strip()
    title = " ".join(paragraphs[0].split()).rstrip(".")
    return Example(name, title, idea, _after(adjoint), _after(oracle), code)


def _after(text: str) -> str:
    """A paragraph without the words that name it."""
    rest = text.split(":", 1)[1].strip()
    return rest[0].upper() + rest[1:]


def examples() -> Iterator[tuple[str, Example]]:
    """All examples, each with its section."""
    for section, names in SECTIONS.items():
        for name in names:
            yield section, example(name)


def table(link: str = "{}.py") -> str:
    """The table of the examples; ``link`` is where the name of one leads to."""
    rows = []
    section = None
    for number, (where, entry) in enumerate(examples(), start=1):
        if where != section:
            section = where
            rows += [
                "",
                f"## {section}",
                "",
                "| | example | what it shows | checked against |",
                "|---|---|---|---|",
            ]
        target = link.format(entry.name)
        cells = (f"[{entry.name}]({target})", entry.title, " ".join(entry.oracle.split()))
        rows.append(f"| {number} | " + " | ".join(c.replace("|", "\\|") for c in cells) + " |")
    return "\n".join(rows[1:]) + "\n"


def page(entry: Example) -> str:
    """The page of an example: its picture, what it says, and its code."""
    return (
        f"# {entry.title}\n\n![{entry.short}](../pictures/{entry.name}.png)\n\n{entry.idea}\n\n"
        f"## The adjoint\n\n{entry.adjoint}\n\n## The oracle\n\n{entry.oracle}\n\n"
        f"## The program\n\n`python examples/{entry.name}.py`\n\n```python\n{entry.code}\n```\n"
    )


def overview() -> str:
    """The first page of the gallery."""
    return (
        "# Gallery\n\nReverse-mode differentiation is one idea that machine learning, physics, "
        "engineering and statistics each found under a name of its own. Here it is in "
        f"{sum(map(len, SECTIONS.values()))} programs of plain loops and arrays, each checked "
        "against something that does without srcad.\n\n" + table("{}.md")
    )


# ------------------------------------------------------------ what MkDocs calls


def on_config(config: Any) -> Any:
    """List the pages in the menu, after the ensembles."""
    menu: list[Any] = ["gallery/index.md"]
    for section, names in SECTIONS.items():
        menu.append({section: [{example(n).short: f"gallery/{n}.md"} for n in names]})
    (place,) = (k for k, item in enumerate(config.nav) if "Ensembles" in item)
    config.nav.insert(place + 1, {"Gallery": menu})
    return config


def on_files(files: Any, config: Any) -> Any:
    """Add the pages and their pictures."""
    from mkdocs.structure.files import File  # noqa: PLC0415 (an extra, and MkDocs is running)

    files.append(File.generated(config, "gallery/index.md", content=overview()))
    for _, entry in examples():
        picture = EXAMPLES / "pictures" / f"{entry.name}.png"
        files.append(File.generated(config, f"gallery/{entry.name}.md", content=page(entry)))
        files.append(
            File.generated(config, f"pictures/{entry.name}.png", abs_src_path=str(picture))
        )
    return files
