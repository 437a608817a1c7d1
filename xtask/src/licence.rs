//! SPDX licence expressions, as far as crates use them.

/// Whether someone who accepts only `allowed` may use what is licensed under `expression`.
///
/// `OR`, `AND`, `WITH` and parentheses; the old `/` reads as `OR`. A licence with an exception counts as one
/// name: `Apache-2.0 WITH LLVM-exception`.
///
/// # Errors
/// What is wrong with the expression.
pub(crate) fn is_allowed(expression: &str, allowed: &[String]) -> Result<bool, String> {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = &words[..];
    let result = any(&mut rest, allowed)?;
    if rest.is_empty() { Ok(result) } else { Err(format!("`{expression}`: `{}` is not expected", rest[0])) }
}

fn any(rest: &mut &[&str], allowed: &[String]) -> Result<bool, String> {
    let mut result = all(rest, allowed)?;
    while take(rest, "OR") {
        result |= all(rest, allowed)?;
    }
    Ok(result)
}

fn all(rest: &mut &[&str], allowed: &[String]) -> Result<bool, String> {
    let mut result = one(rest, allowed)?;
    while take(rest, "AND") {
        result &= one(rest, allowed)?;
    }
    Ok(result)
}

fn one(rest: &mut &[&str], allowed: &[String]) -> Result<bool, String> {
    if take(rest, "(") {
        let result = any(rest, allowed)?;
        return if take(rest, ")") { Ok(result) } else { Err("a parenthesis is not closed".into()) };
    }
    let (name, behind) = rest.split_first().ok_or("a licence is missing")?;
    *rest = behind;
    let mut name = (*name).to_owned();
    if take(rest, "WITH") {
        let (exception, behind) = rest.split_first().ok_or("an exception is missing")?;
        *rest = behind;
        name = format!("{name} WITH {exception}");
    }
    Ok(allowed.contains(&name))
}

fn take(rest: &mut &[&str], word: &str) -> bool {
    let found = rest.first() == Some(&word);
    if found {
        *rest = &rest[1..];
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions() {
        let allowed: Vec<String> =
            ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "Unicode-3.0"].map(str::to_owned).into();
        let check = |expression: &str, expect: Option<bool>| {
            assert_eq!(is_allowed(expression, &allowed).ok(), expect, "{expression}");
        };
        check("MIT", Some(true));
        check("GPL-3.0", Some(false));
        check("MIT OR GPL-3.0", Some(true));
        check("MIT/GPL-3.0", Some(true));
        check("MIT AND GPL-3.0", Some(false));
        check("(MIT OR GPL-3.0) AND Unicode-3.0", Some(true));
        check("GPL-3.0 OR MIT AND BSD-1-Clause", Some(false));
        check("Apache-2.0 WITH LLVM-exception OR GPL-3.0", Some(true));
        check("GPL-2.0 WITH Classpath-exception-2.0", Some(false));
        check("", None);
        check("(MIT", None);
        check("MIT GPL-3.0", None);
    }
}
