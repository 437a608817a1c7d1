//! What compiles, and what must not: each mistake is an error on the line that makes it.
//!
//! After a change of the messages, `TRYBUILD=overwrite cargo test -p router-macros --test ui` writes the
//! `.stderr` files anew.

#[test]
fn correct_and_incorrect_uses() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    cases.compile_fail("tests/ui/fail/*.rs");
}
