//! The answers of one realistic session, in every form.

mod json;
mod picture;
mod session;
mod text;
