//! `#[derive(RemoteError)]`.

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Attribute, Data, DeriveInput, Error, Field, Fields, Ident, Result, Type};

use crate::docs::docs;
use crate::method_table::combined;
use crate::travelling::{is_ident, ungrouped};

pub(crate) fn expand(item: TokenStream) -> TokenStream {
    syn::parse2(item).and_then(|item| generate(&item)).unwrap_or_else(Error::into_compile_error)
}

/// One error: a variant of an enum, or a struct.
struct Kind {
    name: String,
    docs: String,
    /// `Self::Variant` or `Self`.
    path: TokenStream,
    fields: Vec<NamedField>,
    /// The field that holds the interruption, when it is that.
    interruption: Option<Interruption>,
}

struct NamedField {
    /// As it stands in a pattern or a struct expression: `target_um` or `0`.
    member: TokenStream,
    name: String,
    ty: Type,
}

struct Interruption {
    mark: Attribute,
    ty: Type,
    /// `thiserror`'s `#[from]` writes the conversion already.
    has_from: bool,
}

fn generate(item: &DeriveInput) -> Result<TokenStream> {
    if !item.generics.params.is_empty() {
        return Err(Error::new_spanned(
            &item.generics,
            "an error that travels has concrete types: remove the generic parameters",
        ));
    }
    let kinds = kinds(item)?;
    if let Some(second) = kinds.iter().filter_map(|kind| kind.interruption.as_ref()).nth(1) {
        let message = "one variant holds the interruption: remove this `#[interrupted]` or the other";
        return Err(Error::new_spanned(&second.mark, message));
    }
    let ident = &item.ident;
    let to_refused = kinds.iter().map(to_refused);
    let from_refused = kinds.iter().filter(|kind| kind.interruption.is_none()).map(from_refused);
    let interrupted = kinds.iter().filter(|kind| kind.interruption.is_some()).map(interrupted);
    let descriptions =
        kinds.iter().filter(|kind| kind.interruption.is_none()).map(|Kind { name, docs, .. }| {
            quote! {
                ::router_client::describe::ErrorDescription {
                    kind: ::std::string::String::from(#name),
                    docs: ::std::string::String::from(#docs),
                }
            }
        });
    let conversions = kinds.iter().filter_map(|kind| conversion(ident, kind));
    Ok(quote! {
        #[automatically_derived]
        impl ::router_client::RemoteError for #ident {
            fn to_refused(&self) -> ::router_client::Refused {
                let __message = ::std::string::ToString::to_string(self);
                match *self {
                    #(#to_refused)*
                }
            }

            fn from_refused(__refused: &::router_client::Refused) -> ::core::option::Option<Self> {
                #[allow(unused_variables)]
                match __refused.kind.as_str() {
                    #(#from_refused)*
                    _ => ::core::option::Option::None,
                }
            }

            fn interrupted(&self) -> ::core::option::Option<::router_client::Interrupted> {
                #[allow(unreachable_patterns)]
                match self {
                    #(#interrupted)*
                    _ => ::core::option::Option::None,
                }
            }

            fn kinds() -> ::std::vec::Vec<::router_client::describe::ErrorDescription> {
                ::std::vec![#(#descriptions),*]
            }
        }

        #[automatically_derived]
        impl ::router_client::__private::serde::Serialize for #ident {
            fn serialize<S: ::router_client::__private::serde::Serializer>(
                &self,
                serializer: S,
            ) -> ::core::result::Result<S::Ok, S::Error> {
                ::router_client::__private::serialize_error(self, serializer)
            }
        }

        #(#conversions)*
    })
}

fn kinds(item: &DeriveInput) -> Result<Vec<Kind>> {
    match &item.data {
        Data::Struct(data) => Ok(vec![kind(&item.ident, quote!(Self), &item.attrs, &data.fields)?]),
        Data::Enum(data) => {
            let mut kinds = Vec::new();
            let mut errors = Vec::new();
            for variant in &data.variants {
                let ident = &variant.ident;
                match kind(ident, quote!(Self::#ident), &variant.attrs, &variant.fields) {
                    Ok(kind) => kinds.push(kind),
                    Err(error) => errors.push(error),
                }
            }
            combined(errors).map_or(Ok(kinds), Err)
        }
        Data::Union(_) => {
            Err(Error::new_spanned(&item.ident, "an error that travels is a struct or an enum"))
        }
    }
}

fn kind(ident: &Ident, path: TokenStream, attributes: &[Attribute], fields: &Fields) -> Result<Kind> {
    let marked = attributes
        .iter()
        .chain(fields.iter().flat_map(|field| &field.attrs))
        .find(|attribute| is_interrupted(attribute));
    let interruption = match (marked, fields.iter().collect::<Vec<_>>().as_slice()) {
        (Some(mark), [field]) => {
            Some(Interruption { mark: mark.clone(), ty: field.ty.clone(), has_from: has_from(field) })
        }
        (Some(mark), _) => {
            return Err(Error::new_spanned(
                mark,
                "a variant with `#[interrupted]` has one field, the `Interrupted`",
            ));
        }
        (None, [field]) if is_ident(&field.ty, "Interrupted") => {
            return Err(Error::new_spanned(
                &field.ty,
                "write `#[interrupted]` before this field, so that the call ends as cancelled",
            ));
        }
        (None, _) => None,
    };
    let fields: Vec<NamedField> =
        fields.iter().enumerate().map(|(index, field)| named(index, field)).collect();
    if let Some(field) = fields.iter().find(|field| matches!(ungrouped(&field.ty), Type::Reference(_))) {
        return Err(Error::new_spanned(
            &field.ty,
            "a field of an error that travels is owned: write `String` instead of `&str`",
        ));
    }
    Ok(Kind { name: ident.unraw().to_string(), docs: docs(attributes), path, fields, interruption })
}

fn named(index: usize, field: &Field) -> NamedField {
    match &field.ident {
        Some(ident) => NamedField {
            member: ident.to_token_stream(),
            name: ident.unraw().to_string(),
            ty: field.ty.clone(),
        },
        None => {
            let member = syn::Index::from(index).to_token_stream();
            NamedField { member, name: index.to_string(), ty: field.ty.clone() }
        }
    }
}

fn to_refused(kind: &Kind) -> TokenStream {
    let Kind { name, path, .. } = kind;
    if kind.interruption.is_some() {
        return quote!(#path { .. } => ::router_client::Refused::new(#name, __message),);
    }
    let variables: Vec<Ident> =
        (0..kind.fields.len()).map(|index| format_ident!("__field_{index}")).collect();
    let members = kind.fields.iter().map(|field| &field.member);
    let write = kind.fields.iter().zip(&variables).map(|(NamedField { name, ty, .. }, variable)| {
        quote_spanned!(ty.span()=> __details.write(#name, #variable);)
    });
    quote! {
        #path { #(#members: ref #variables),* } => {
            #[allow(unused_mut)]
            let mut __details = ::router_client::__private::DetailsWriter::new();
            #(#write)*
            __details.refused(#name, __message)
        }
    }
}

fn from_refused(kind: &Kind) -> TokenStream {
    let Kind { name, path, .. } = kind;
    let fields = kind.fields.iter().map(
        |NamedField { member, name, ty }| quote_spanned!(ty.span()=> #member: __details.read::<#ty>(#name)?),
    );
    quote! {
        #name => {
            let __details = ::router_client::__private::Details::of(__refused)?;
            ::core::option::Option::Some(#path { #(#fields),* })
        }
    }
}

fn interrupted(kind: &Kind) -> TokenStream {
    let path = &kind.path;
    let member = kind.fields.iter().map(|field| &field.member);
    quote! {
        #path { #(#member: __interrupted)* } => {
            ::core::option::Option::Some(::core::clone::Clone::clone(__interrupted))
        }
    }
}

/// `From<Interrupted>`, so that `call.check()?` works.
fn conversion(ident: &Ident, kind: &Kind) -> Option<TokenStream> {
    let interruption = kind.interruption.as_ref().filter(|interruption| !interruption.has_from)?;
    let (path, ty) = (&kind.path, &interruption.ty);
    let member = kind.fields.iter().map(|field| &field.member);
    Some(quote! {
        #[automatically_derived]
        impl ::core::convert::From<#ty> for #ident {
            fn from(__interrupted: #ty) -> Self {
                #path { #(#member: __interrupted)* }
            }
        }
    })
}

fn is_interrupted(attribute: &Attribute) -> bool {
    attribute.path().is_ident("interrupted")
}

fn has_from(field: &Field) -> bool {
    field.attrs.iter().any(|attribute| attribute.path().is_ident("from"))
}
