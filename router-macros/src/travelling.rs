//! Types whose values travel: what may be one, and what it is on the server.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Error, Ident, Result, Type, TypeReference};

/// The type of an argument or of a returned value.
pub(crate) struct Travelling {
    /// As the user writes it; a reference stays one in the typed client's arguments.
    pub(crate) declared: Type,
    /// What is decoded: `String` for `&str`, `Vec<T>` for `&[T]`.
    pub(crate) owned: TokenStream,
    pub(crate) is_reference: bool,
    /// `&[u8]` or `Vec<u8>`, which travels as bytes instead of a list of numbers.
    pub(crate) is_bytes: bool,
}

impl Travelling {
    /// Checks that values of `ty` can travel. `parameters` are the type parameters of the surrounding `impl`.
    pub(crate) fn new(ty: &Type, parameters: &[Ident]) -> Result<Travelling> {
        let declared = ungrouped(ty);
        if let Type::Reference(reference) = declared {
            if let Some(mutable) = reference.mutability {
                return Err(Error::new(
                    mutable.span(),
                    "a remote call cannot change its caller's value: take it by value or as `&T` and return the new one",
                ));
            }
            Obstacles::check(&reference.elem, parameters, DYN_IS_ONE)?;
            return Ok(Travelling {
                declared: declared.clone(),
                owned: owned_of(reference),
                is_reference: true,
                is_bytes: matches!(ungrouped(&reference.elem), Type::Slice(slice) if is_ident(&slice.elem, "u8")),
            });
        }
        Obstacles::check(declared, parameters, DYN_IS_ONE)?;
        let text = declared.to_token_stream().to_string().replace(' ', "");
        let is_bytes = matches!(text.as_str(), "Vec<u8>" | "std::vec::Vec<u8>" | "::std::vec::Vec<u8>");
        Ok(Travelling {
            declared: declared.clone(),
            owned: declared.to_token_stream(),
            is_reference: false,
            is_bytes,
        })
    }
}

/// Checks the error of a `Result`, which is taken apart and so may be a boxed `dyn Error`.
pub(crate) fn check_error(ty: &Type, parameters: &[Ident]) -> Result<()> {
    Obstacles::check(ty, parameters, !DYN_IS_ONE)
}

const DYN_IS_ONE: bool = true;

fn owned_of(reference: &TypeReference) -> TokenStream {
    match ungrouped(&reference.elem) {
        Type::Slice(slice) => {
            let item = &slice.elem;
            quote!(::std::vec::Vec<#item>)
        }
        elem if is_ident(elem, "str") => quote!(::std::string::String),
        elem if is_ident(elem, "Path") => quote!(::std::path::PathBuf),
        elem => elem.to_token_stream(),
    }
}

/// Whether the last segment of a path type is `name`, without type arguments.
pub(crate) fn is_ident(ty: &Type, name: &str) -> bool {
    match ungrouped(ty) {
        Type::Path(path) => {
            path.path.segments.last().is_some_and(|last| last.ident == name && last.arguments.is_empty())
        }
        _ => false,
    }
}

/// The type inside the invisible group that a `macro_rules!` puts around it.
pub(crate) fn ungrouped(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => ungrouped(&group.elem),
        Type::Paren(paren) => ungrouped(&paren.elem),
        other => other,
    }
}

/// Finds what in a type cannot travel.
struct Obstacles<'a> {
    parameters: &'a [Ident],
    dyn_is_one: bool,
    found: Option<Error>,
}

impl<'a> Obstacles<'a> {
    fn check(ty: &Type, parameters: &'a [Ident], dyn_is_one: bool) -> Result<()> {
        let mut obstacles = Obstacles { parameters, dyn_is_one, found: None };
        obstacles.visit_type(ty);
        obstacles.found.map_or(Ok(()), Err)
    }

    fn report(&mut self, at: &impl ToTokens, message: &str) {
        self.found.get_or_insert_with(|| Error::new_spanned(at, message));
    }
}

impl<'ast> Visit<'ast> for Obstacles<'_> {
    fn visit_type(&mut self, ty: &'ast Type) {
        match ty {
            Type::Reference(_) => self.report(
                ty,
                "a reference inside another type cannot be decoded: write the owned type, such as `String` for `&str` \
                 or `Vec<T>` for `&[T]`",
            ),
            Type::ImplTrait(_) => self.report(ty, "a remote call has concrete types: write one instead of `impl Trait`"),
            Type::TraitObject(_) if self.dyn_is_one => self.report(ty, "a remote call has concrete types: write one instead of `dyn Trait`"),
            Type::Ptr(_) | Type::FnPtr(_) => {
                self.report(ty, "pointers mean nothing in another process: write a type that holds the value");
            }
            Type::Infer(_) => self.report(ty, "the type of a remote call's value is written out"),
            other => visit::visit_type(self, other),
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if let Some(first) = path.segments.first() {
            if first.ident == "Self" {
                self.report(path, "`Self` is another type in the typed client: write the type's name");
            } else if self.parameters.contains(&first.ident) {
                let message = format!(
                    "the typed client cannot know the type parameter `{}`: write a concrete type",
                    first.ident
                );
                self.report(path, &message);
            }
        }
        visit::visit_path(self, path);
    }
}
