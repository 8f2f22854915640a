"""Asks questions about the results, with DuckDB: only the columns asked for are loaded.

python analyse.py RESULTS
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb

QUESTIONS = {
    "How many of each status": """
        SELECT status, count(*) AS pictures FROM rows GROUP BY ALL ORDER BY 2 DESC""",
    "Documents by format and issuer": """
        SELECT format, issuer, count(*) AS documents FROM rows
        WHERE status = 'valid' GROUP BY ALL ORDER BY 3 DESC, 1, 2 LIMIT 10""",
    "Why readings are not valid": """
        SELECT reason, count(*) AS pictures
        FROM (
            SELECT unnest(from_json(reading -> 'not_valid_because', '["VARCHAR"]')) AS reason
            FROM rows
        )
        GROUP BY ALL ORDER BY 2 DESC""",
    "What could not be read": """
        SELECT status, any_value(message) AS message, count(*) AS pictures FROM rows
        WHERE message IS NOT NULL GROUP BY ALL ORDER BY 3 DESC""",
    "Documents that lie in the archive more than once": """
        SELECT issuer, document_number, count(*) AS pictures FROM rows
        WHERE status = 'valid' GROUP BY ALL HAVING count(*) > 1 ORDER BY 3 DESC, 1, 2 LIMIT 10""",
}


def table(results: Path) -> duckdb.DuckDBPyConnection:
    """A connection whose view `rows` has the results."""
    connection = duckdb.connect()
    files = str(results / "chunk-*" / "*.parquet").replace("'", "''")
    connection.execute(f"CREATE VIEW rows AS SELECT * FROM read_parquet('{files}')")
    return connection


if __name__ == "__main__":
    connection = table(Path(sys.argv[1]))
    for question, query in QUESTIONS.items():
        print(f"\n{question}")
        print(connection.sql(query))
