"""Register a model that another server answers."""

import lamplighter

from delay import features


def main() -> None:
    """Name the server; nothing is trained."""
    run = lamplighter.current_run()
    columns = [*features.NAMES, "arr_delay"]
    inputs, _ = features.labelled(run.dataset("train").to_pandas(columns), run.target_sql)
    run.save_upstream(
        run.param("server", ""),
        "far",
        inputs=features.INPUTS,
        outputs=features.OUTPUTS,
        golden_rows=features.golden_rows(inputs),
    )


if __name__ == "__main__":
    main()
