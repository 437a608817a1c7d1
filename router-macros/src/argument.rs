//! One argument of a remote method.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Attribute, Error, Expr, ExprLit, Ident, Lit, LitStr, Pat, PatType, Result};

use crate::docs::docs;
use crate::travelling::Travelling;
use crate::unit;

/// An argument that the caller gives.
pub(crate) struct Argument {
    pub(crate) ident: Ident,
    pub(crate) ty: Travelling,
    /// Its value when it is not given.
    pub(crate) default: Option<Expr>,
    unit: Option<String>,
    docs: String,
}

impl Argument {
    pub(crate) fn parse(input: &PatType, parameters: &[Ident]) -> Result<Argument> {
        let Pat::Ident(pattern) = &*input.pat else {
            return Err(Error::new_spanned(
                &input.pat,
                "an argument of a remote call has a name, because callers may give it by name: write `name: Type`",
            ));
        };
        let attribute = ArgAttribute::parse(&input.attrs)?;
        let ty = Travelling::new(&input.ty, parameters)?;
        let name = pattern.ident.unraw().to_string();
        Ok(Argument {
            unit: attribute.unit.or_else(|| unit::inferred(&name, &ty.declared)),
            docs: attribute.docs.unwrap_or_else(|| docs(&input.attrs)),
            ident: pattern.ident.clone(),
            default: attribute.default,
            ty,
        })
    }

    /// Its name for callers by name.
    pub(crate) fn name(&self) -> String {
        self.ident.unraw().to_string()
    }

    /// The local variable that holds it, decoded.
    fn variable(&self) -> Ident {
        format_ident!("__argument_{}", self.ident.unraw().to_string().trim_start_matches('_'))
    }

    /// An expression for its `ArgumentDescription`.
    pub(crate) fn describe(&self) -> TokenStream {
        let (name, docs, owned) = (self.name(), &self.docs, &self.ty.owned);
        let unit = optional_text(self.unit.as_deref());
        let default = match self.default_value() {
            Some(value) => quote!(::router_client::__private::serde_json::to_value::<#owned>(#value).ok()),
            None => quote!(::core::option::Option::None),
        };
        quote! {
            ::router_client::__private::describe_argument(
                #name,
                (&::router_client::__private::Probe::<#owned>::new()).describe(),
                #unit,
                #docs,
                #default,
            )
        }
    }

    /// A statement that reads it from `__arguments`.
    pub(crate) fn decode(&self, index: usize) -> TokenStream {
        let (variable, name, owned) = (self.variable(), self.name(), &self.ty.owned);
        let bytes = quote!(::router_client::__private::serde_bytes::ByteBuf);
        let decoded = if self.ty.is_bytes { bytes.clone() } else { owned.clone() };
        let span = self.ty.declared.span();
        match self.default_value() {
            None => quote_spanned!(span=> let #variable = __arguments.take::<#decoded>(#index, #name)?;),
            Some(value) if self.ty.is_bytes => quote_spanned! {span=>
                let #variable = __arguments.take_or::<#decoded>(#index, #name, || {
                    let value: #owned = #value;
                    #bytes::from(value)
                })?;
            },
            Some(value) => quote_spanned! {span=>
                let #variable = __arguments.take_or::<#decoded>(#index, #name, || #value)?;
            },
        }
    }

    /// The decoded argument as the method takes it.
    pub(crate) fn pass(&self) -> TokenStream {
        let variable = self.variable();
        match (self.ty.is_reference, self.ty.is_bytes) {
            (true, _) => quote!(&#variable),
            (false, true) => quote!(#variable.into_vec()),
            (false, false) => quote!(#variable),
        }
    }

    /// The typed client's argument as it is sent.
    pub(crate) fn send(&self) -> TokenStream {
        let ident = &self.ident;
        match (self.ty.is_bytes, self.ty.is_reference) {
            (true, true) => quote!(::router_client::__private::serde_bytes::Bytes::new(#ident)),
            (true, false) => quote!(::router_client::__private::serde_bytes::Bytes::new(&#ident)),
            (false, _) => quote!(#ident),
        }
    }

    fn default_value(&self) -> Option<TokenStream> {
        self.default.as_ref().map(|value| match value {
            // So that `default = "fast"` is one for a `String` too.
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => {
                quote_spanned!(text.span()=> ::core::convert::From::from(#text))
            }
            value => quote!(#value),
        })
    }
}

pub(crate) fn optional_text(text: Option<&str>) -> TokenStream {
    match text {
        Some(text) => quote!(::core::option::Option::Some(#text)),
        None => quote!(::core::option::Option::None),
    }
}

/// `#[arg(...)]` on an argument.
#[derive(Default)]
struct ArgAttribute {
    default: Option<Expr>,
    unit: Option<String>,
    docs: Option<String>,
}

impl ArgAttribute {
    fn parse(attributes: &[Attribute]) -> Result<ArgAttribute> {
        let mut arg = ArgAttribute::default();
        for attribute in attributes.iter().filter(|attribute| is_arg(attribute)) {
            attribute.parse_nested_meta(|meta| {
                let word = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
                let given_before = match word.as_str() {
                    "default" => arg.default.replace(meta.value()?.parse()?).is_some(),
                    "unit" => arg.unit.replace(meta.value()?.parse::<LitStr>()?.value()).is_some(),
                    "docs" => arg.docs.replace(meta.value()?.parse::<LitStr>()?.value()).is_some(),
                    _ => {
                        let message = "expected `default = VALUE`, `unit = \"...\"` or `docs = \"...\"`";
                        return Err(Error::new(meta.path.span(), message));
                    }
                };
                let span = meta.path.span();
                if given_before {
                    Err(Error::new(span, format!("`{word}` is given twice; remove one")))
                } else {
                    Ok(())
                }
            })?;
        }
        Ok(arg)
    }
}

pub(crate) fn is_arg(attribute: &Attribute) -> bool {
    attribute.path().is_ident("arg")
}
