//! Python that does not parse, told by a parser in this binary: as `check-ast` does, without Python.

use std::fmt::Write as _;

/// The first error of a module, with its place (line and column from 1).
pub(super) struct SyntaxError {
    pub line: usize,
    pub column: usize,
    pub message: String,
}

/// The first syntax error of a module's bytes, if it has one. A file that declares an encoding of its own
/// is left to Python.
pub(super) fn first_error(bytes: &[u8]) -> Option<SyntaxError> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        let head = String::from_utf8_lossy(&bytes[..bytes.len().min(1_024)]).into_owned();
        let declares_encoding = head.lines().take(2).any(|line| line.starts_with('#') && line.contains("coding"));
        let message = "it is not UTF-8 and declares no encoding".to_owned();
        return (!declares_encoding).then_some(SyntaxError { line: 1, column: 1, message });
    };
    let error = ruff_python_parser::parse_module(text).err()?;
    let at = usize::from(error.location.start()).min(text.len());
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let mut message = String::new();
    // Writing to a String cannot fail.
    let _ = write!(message, "{}", error.error);
    Some(SyntaxError { line, column, message })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn the_first_error_has_a_place() {
        let error = first_error("x = 1\ndef f(:\n    pass\n".as_bytes()).expect("an error");
        assert_eq!((error.line, error.column), (2, 7), "{}", error.message);
        assert!(first_error(b"").is_none());
        assert!(first_error("\u{feff}x = 'é'\n".as_bytes()).is_none());
        assert!(first_error(b"# -*- coding: latin-1 -*-\nx = '\xe9'\n").is_none());
        assert!(first_error(b"x = '\xe9'\n").is_some());
    }

    /// The gate for every new version of the parser: it agrees with Python's own `ast.parse` on each.
    const CORPUS: &[&str] = &[
        "",
        "\n\n# only words\n",
        "x = 1",
        "x = = 1",
        "def f(a, /, b, *, c=1, **d) -> int: ...",
        "def f(a, a): pass",
        "def f(:",
        "if x:\npass",
        "if x:\n    pass\n  else:\n    pass",
        "\tx = 1",
        "for i in range(3):\n\tprint(i)\n        print(i)",
        "class A(B, metaclass=C):\n    x: int = 1\n",
        "async def f():\n    async with a as b, c:\n        await d\n",
        "match x:\n    case [1, *rest] if rest:\n        pass\n    case {'a': A(b=1)}:\n        pass\n",
        "match = 1\nprint(match)",
        "f'{x!r:>{width}} {y=}'",
        "f'{x'",
        "'unterminated",
        "'''unterminated",
        "b'é'",
        "x = 0777",
        "x = 1_000.5e-3j",
        "print 'two'",
        "raise E, 'two'",
        "lambda: (yield)",
        "[x for x in y if z for w in x]",
        "{**a, 'b': 1, **c}",
        "f(*a, b=1, **c)",
        "f(b=1, a)",
        "x: list[int] = [1,]\ndel x[0]",
        "with (open('a') as a, open('b') as b):\n    pass",
        "while (n := f()):\n    break\nelse:\n    pass",
        "try:\n    pass\nexcept* ValueError as e:\n    pass\n",
        "1 = x",
    ];

    #[test]
    fn the_parser_agrees_with_python() {
        if lamp_testkit::is_skipped(lamp_testkit::SKIP_PYTHON_VARIABLE) {
            return;
        }
        let script = "import ast, json, sys\n\
            def parses(text):\n    try:\n        ast.parse(text)\n        return True\n    except (SyntaxError, ValueError):\n        return False\n\
            print(json.dumps([parses(text) for text in json.load(sys.stdin)]))";
        let mut child = Command::new(lamp_testkit::python())
            .args(["-W", "ignore", "-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python starts");
        let corpus = serde_json::to_vec(CORPUS).expect("JSON");
        child.stdin.take().expect("a pipe").write_all(&corpus).expect("fed");
        let output = child.wait_with_output().expect("an answer");
        let answers: Vec<bool> = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(answers.len(), CORPUS.len());
        for (text, python) in CORPUS.iter().zip(&answers) {
            assert_eq!(*python, first_error(text.as_bytes()).is_none(), "Python says {python} of {text:?}");
        }
        assert!(answers.iter().any(|yes| *yes) && answers.iter().any(|yes| !*yes), "{answers:?}");
    }
}
