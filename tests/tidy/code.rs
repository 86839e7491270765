//! Rules on Rust code, read by a parser.

use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};

use crate::File;

const MAX_FUNCTION_LINES: usize = 70;

/// Code that must not see a clock, entropy or the outside; everything comes in as an argument.
const PURE: [&str; 3] = ["protocol/src/", "card/src/", "wallet-wasm/src/engine"];
/// Names from which such things come.
const IMPURE_NAMES: [&str; 9] = [
    "SystemTime",
    "Instant",
    "getrandom",
    "OsRng",
    "thread_rng",
    "js_sys",
    "web_sys",
    "HashMap",
    "TcpStream",
];
/// Where values of money are computed with: numbers change their type by checked conversions only.
const NUMBERS: [&str; 2] = ["protocol/src/", "edge-issuer/src/ledger"];
const INTEGERS: [&str; 10] = ["u8", "u16", "u32", "u64", "u128", "i8", "i16", "i32", "i64", "i128"];

/// Everything a file's code does against the rules.
pub(crate) fn findings(file: &File) -> Vec<String> {
    let tree = match syn::parse_file(&file.text) {
        Ok(tree) => tree,
        Err(error) => return vec![file.finding(error.span().start().line, &error.to_string())],
    };
    let below = |folders: &[&str]| folders.iter().any(|folder| file.path.starts_with(folder));
    // a module of tests in a file of its own
    let tests = file.path.ends_with("/tests.rs") || file.path.contains("/tests/");
    let mut reader = Reader {
        file,
        pure: below(&PURE) && !tests,
        numbers: below(&NUMBERS) && !tests,
        errors: file.path.starts_with("protocol/src/"),
        findings: Vec::new(),
    };
    reader.visit_file(&tree);
    reader.findings
}

struct Reader<'a> {
    file: &'a File,
    pure: bool,
    numbers: bool,
    errors: bool,
    findings: Vec<String>,
}

impl Reader<'_> {
    fn note(&mut self, at: proc_macro2::Span, what: &str) {
        self.findings.push(self.file.finding(at.start().line, what));
    }

    fn length(&mut self, name: &syn::Ident, block: &syn::Block) {
        let first = name.span().start().line;
        let lines = block.span().end().line + 1 - first;
        if lines > MAX_FUNCTION_LINES {
            let what = format!("fn {name} has {lines} lines, more than {MAX_FUNCTION_LINES}");
            self.note(name.span(), &what);
        }
    }

    fn error_fields(&mut self, name: &syn::Ident, fields: &syn::Fields) {
        if !self.errors || !name.to_string().ends_with("Error") {
            return;
        }
        for field in fields {
            if matches!(&field.ty, syn::Type::Path(path) if path.path.is_ident("String")) {
                self.note(field.span(), "an error's field is a String: give it a type");
            }
        }
    }

    /// Reads what is below with the rules for tests.
    fn as_tests(&mut self, read: impl FnOnce(&mut Self)) {
        let kept = (self.pure, self.numbers);
        (self.pure, self.numbers) = (false, false);
        read(self);
        (self.pure, self.numbers) = kept;
    }
}

/// `#[cfg(test)]`, also among others.
fn for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let syn::Meta::List(list) = &attribute.meta else {
            return attribute.path().is_ident("test");
        };
        list.path.is_ident("cfg")
            && list.tokens.clone().into_iter().any(|token| token.to_string() == "test")
    })
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if for_tests(&item.attrs) {
            self.as_tests(|reader| visit::visit_item_mod(reader, item));
        } else {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.length(&item.sig.ident, &item.block);
        if for_tests(&item.attrs) {
            self.as_tests(|reader| visit::visit_item_fn(reader, item));
        } else {
            visit::visit_item_fn(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.length(&item.sig.ident, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.length(&item.sig.ident, block);
        }
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.error_fields(&item.ident, &item.fields);
        visit::visit_item_struct(self, item);
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        for variant in &item.variants {
            self.error_fields(&item.ident, &variant.fields);
        }
        visit::visit_item_enum(self, item);
    }

    fn visit_expr_cast(&mut self, cast: &'ast syn::ExprCast) {
        if let syn::Type::Path(path) = &*cast.ty
            && self.numbers
            && INTEGERS.iter().any(|name| path.path.is_ident(name))
        {
            self.note(cast.span(), "a number cast by `as`: use From or TryFrom");
        }
        visit::visit_expr_cast(self, cast);
    }

    fn visit_ident(&mut self, ident: &'ast syn::Ident) {
        if self.pure && IMPURE_NAMES.iter().any(|name| ident == name) {
            self.note(
                ident.span(),
                &format!("{ident} in code that takes time and chance as arguments"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_protocol(text: &str) -> Vec<String> {
        findings(&File { path: "protocol/src/a.rs".into(), text: text.into() })
    }

    fn function(statements: usize) -> String {
        format!("impl A {{\n/// doc\nfn a() {{\n{}}}\n}}", "x();\n".repeat(statements))
    }

    #[test]
    fn functions_are_measured_from_their_name_to_their_brace() {
        assert_eq!(in_protocol(&function(MAX_FUNCTION_LINES - 2)), [""; 0]);
        assert_eq!(in_protocol(&function(MAX_FUNCTION_LINES - 1)).len(), 1);
    }

    #[test]
    fn clocks_and_casts_are_found_outside_tests_only() {
        let wrong = "fn a(n: u64) { let _ = SystemTime::now(); let _ = n as u32; }";
        assert_eq!(in_protocol(wrong).len(), 2);
        assert_eq!(in_protocol(&format!("#[cfg(test)] mod tests {{ {wrong} }}")), [""; 0]);
        assert_eq!(in_protocol("fn a(n: u32) -> usize { n as usize } // SystemTime"), [""; 0]);
    }

    #[test]
    fn untyped_errors_are_found() {
        assert_eq!(in_protocol("enum OpenError { Bad(String) }").len(), 1);
        assert_eq!(in_protocol("enum OpenError { Bad(u8) } struct Name(String);"), [""; 0]);
    }
}
