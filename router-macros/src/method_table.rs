//! The table of an instrument's methods and its access, as generated code.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, Result};

use crate::argument::optional_text;
use crate::call_attribute::BesideTheLane;
use crate::docs::conditions;
use crate::remote_method::{Input, RemoteMethod};

/// The body of a function that returns `Vec<Method<Self>>`. `path` is where the methods are found: `Self` or
/// `<Self as Trait>`.
pub(crate) fn table(methods: &[RemoteMethod], path: &TokenStream) -> TokenStream {
    let entries = methods.iter().map(|method| entry(method, path));
    quote! {
        #[allow(unused_imports)]
        use ::router_client::__private::{DescribeByName as _, DescribeBySchema as _};
        #[allow(unused_mut)]
        let mut __methods = ::std::vec::Vec::new();
        #(#entries)*
        __methods
    }
}

/// The marker type that says from where the methods may run.
///
/// # Errors
/// A method that runs beside the lane, when another takes `&mut self`.
pub(crate) fn access(methods: &[RemoteMethod]) -> Result<TokenStream> {
    let beside = methods.iter().filter_map(|method| method.call.kind);
    let Some(exclusive) = methods.iter().find(|method| method.is_exclusive) else {
        return Ok(match beside.count() {
            0 => quote!(::router_client::LaneOnly),
            _ => quote!(::router_client::Beside),
        });
    };
    let errors = beside.map(|(kind, span)| {
        let (word, name) = (kind.word(), &exclusive.ident);
        let message = format!(
            "`{word}` runs beside the lane, while `{name}` there may hold `&mut self`: let every method take `&self` \
             (with a `Mutex` or an atomic inside), or remove `{word}`"
        );
        Error::new(span, message)
    });
    match combined(errors) {
        Some(error) => Err(error),
        None => Ok(quote!(::router_client::Exclusive)),
    }
}

/// All errors as one.
pub(crate) fn combined(errors: impl IntoIterator<Item = Error>) -> Option<Error> {
    errors.into_iter().reduce(|mut all, next| {
        all.combine(next);
        all
    })
}

fn entry(method: &RemoteMethod, path: &TokenStream) -> TokenStream {
    let conditions = conditions(&method.attributes);
    let (name, docs, kind) = (unraw(method), &method.docs, method.call.kind_tokens());
    let clears_lane = method.call.clears_lane.is_some();
    let cancel_on_client_lost = method.call.cancel_on_client_lost.is_some();
    let idempotent = method.call.idempotent.is_some();
    let arguments = method.arguments().map(|argument| argument.describe());
    let returned = &method.returns.owned;
    let unit = optional_text(method.unit.as_deref());
    let errors = match &method.error {
        Some(error) => quote_spanned!(error.span()=> <#error as ::router_client::RemoteError>::kinds()),
        None => quote!(::std::vec::Vec::new()),
    };
    let access = if method.is_exclusive { format_ident!("Exclusive") } else { format_ident!("Shared") };
    let invoke = invoke(method, path);
    quote! {
        #(#conditions)*
        __methods.push(::router_client::Method {
            spec: ::router_client::MethodSpec {
                name: #name,
                docs: ::std::string::String::from(#docs),
                kind: #kind,
                clears_lane: #clears_lane,
                cancel_on_client_lost: #cancel_on_client_lost,
                idempotent: #idempotent,
                arguments: ::std::vec![#(#arguments),*],
                returns: ::router_client::__private::describe_returned(
                    (&::router_client::__private::Probe::<#returned>::new()).describe(),
                    #unit,
                ),
                errors: #errors,
            },
            invoke: ::router_client::Invoke::#access(#invoke),
        });
    }
}

fn invoke(method: &RemoteMethod, path: &TokenStream) -> TokenStream {
    let ident = &method.ident;
    let names = method.arguments().map(|argument| argument.name());
    let decode = method.arguments().enumerate().map(|(index, argument)| argument.decode(index));
    let inputs = method.inputs.iter().map(|input| match input {
        Input::Call => quote!(__call),
        Input::Argument(argument) => argument.pass(),
    });
    // An inline method runs in the server's loop: a wait in it is refused.
    let run = matches!(method.call.kind, Some((BesideTheLane::Inline, _))).then(|| {
        let name = unraw(method);
        quote!(let __run = ::router_client::Call::enter_inline(#name);)
    });
    let write = match &method.error {
        Some(error) => quote_spanned! {error.span()=>
            ::router_client::__private::write_result::<_, #error>(__returned, __body)
        },
        None => quote_spanned!(method.returns.declared.span()=> __body.value(&__returned)),
    };
    quote! {
        |__instrument, __call, __arguments, __body| {
            __arguments.check(&[#(#names),*])?;
            #(#decode)*
            #run
            #[allow(deprecated, clippy::let_unit_value)]
            let __returned = #path::#ident(__instrument, #(#inputs),*);
            #write
        }
    }
}

pub(crate) fn unraw(method: &RemoteMethod) -> String {
    use syn::ext::IdentExt;
    method.ident.unraw().to_string()
}
