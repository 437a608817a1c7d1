//! The typed client of an interface, as generated code.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Error, Ident, Result, Visibility};

use crate::docs::conditions;
use crate::method_table::unraw;
use crate::remote_method::RemoteMethod;

/// `struct NAMEClient` with one method a call.
///
/// # Errors
/// A method named `new`, which is the client's constructor.
pub(crate) fn typed_client(
    interface: &Ident,
    visibility: &Visibility,
    methods: &[RemoteMethod],
) -> Result<TokenStream> {
    if let Some(method) = methods.iter().find(|method| method.ident == "new") {
        let message =
            "`new` makes the typed client: give the method another name, or mark it `#[call(skip)]`";
        return Err(Error::new_spanned(&method.ident, message));
    }
    let client = format_ident!("{interface}Client");
    let docs = format!(
        "Calls the methods of `{interface}` on a server; each gives a `Request`, which is sent by `wait` or `start`."
    );
    let calls = methods.iter().map(call);
    let accessors = accessors(methods);
    Ok(quote! {
        #[doc = #docs]
        #[derive(Clone)]
        #[allow(dead_code, unreachable_pub)]
        #visibility struct #client {
            client: ::router_client::RouterClient,
            name: ::std::string::String,
        }

        #[allow(dead_code, unreachable_pub, private_interfaces, clippy::too_many_arguments)]
        impl #client {
            /// Calls the instrument that the server knows as `name`. Sends nothing.
            pub fn new(client: &::router_client::RouterClient, name: impl ::core::convert::Into<::std::string::String>) -> Self {
                Self { client: ::core::clone::Clone::clone(client), name: ::core::convert::Into::into(name) }
            }

            #accessors
            #(#calls)*
        }
    })
}

/// `client()` and `name()`, unless the interface has methods so named, which matter more.
fn accessors(methods: &[RemoteMethod]) -> TokenStream {
    let free = |name: &str| methods.iter().all(|method| method.ident != name);
    let client = free("client").then(|| {
        quote! {
            /// The client that it calls through.
            pub fn client(&self) -> &::router_client::RouterClient {
                &self.client
            }
        }
    });
    let name = free("name").then(|| {
        quote! {
            /// The instrument's name on the server.
            pub fn name(&self) -> &str {
                &self.name
            }
        }
    });
    quote!(#client #name)
}

fn call(method: &RemoteMethod) -> TokenStream {
    let (ident, name) = (&method.ident, unraw(method));
    let conditions = conditions(&method.attributes);
    let deprecated = method.attributes.iter().filter(|attribute| attribute.path().is_ident("deprecated"));
    let docs = if method.docs.is_empty() { format!("Calls `{name}`.") } else { method.docs.clone() };
    let arguments = method.arguments().map(|argument| {
        let (ident, ty) = (&argument.ident, &argument.ty.declared);
        quote!(#ident: #ty)
    });
    let values: Vec<TokenStream> = method.arguments().map(|argument| argument.send()).collect();
    let values = if values.is_empty() { quote!(()) } else { quote!((#(#values,)*)) };
    let returned = &method.returns.owned;
    let request = match &method.error {
        Some(error) => quote!(::router_client::Request<#returned, #error>),
        None => quote!(::router_client::Request<#returned>),
    };
    quote! {
        #(#conditions)*
        #(#deprecated)*
        #[doc = #docs]
        pub fn #ident(&self, #(#arguments),*) -> #request {
            let __body = ::router_client::__private::router_wire::arguments::encode(&#values, &[]);
            self.client.request(::std::format!("{}.{}", self.name, #name), __body)
        }
    }
}
