//! The filter's configuration is changed while requests come in: no request is refused or let through wrongly.

mod listeners;
mod load;
mod rotation;
mod rules;
