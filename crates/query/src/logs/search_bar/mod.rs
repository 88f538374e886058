//! The search-bar language.
//!
//! | written | means |
//! |---|---|
//! | `timeout` | the word, in the message, any attribute, the service or an ID |
//! | `"connection reset"` | the words one after the other |
//! | `time*`, `ti?e` | a word with wildcards |
//! | `/time(d )?out/` | a regular expression that matches somewhere; `\/` is a slash |
//! | `field:value` | the field's words contain the value, it is the same number (`5`, `5.0`, `5e0`), or the same ID in another spelling |
//! | `field:"a phrase"`, `field:time*`, `field:/re/` | the same for a field; wildcards match the whole value |
//! | `field:=value` | the field's text is exactly this |
//! | `"a name":value`, `a\ name:value` | a field whose name holds blanks, colons, brackets or quotes |
//! | `field:*` | the field is there |
//! | `field:>10`, `>=`, `<`, `<=` | numbers compare; severities compare by rank (`level:>=warn`); other text by bytes |
//! | `field:[a TO b]`, `field:{a TO b}` | between, ends included or not; `*` is an open end |
//! | `field:(a OR b)` | the field with each of them |
//! | `a b`, `a AND b`, `a OR b`, `NOT a`, `-a`, `( )` | AND binds tighter than OR; adjacent terms are AND |
//! | `\` | takes the next character as it is |
//!
//! A colon belongs to the value once the field's name is over: `task_id:task:001` asks for the value `task:001`. A bare
//! `task:001` may be a field or a pasted ID, so it asks for both. Names without quotes are letters, digits, `_ . - @ /`.
//!
//! Text that was pasted from a log finds that log: a colon before a blank is text, and so are, in a query of three words or
//! more without operators, brackets and quotes without a partner. `?` is a wildcard among letters, digits and `_ - .`
//! alone, `*` beside other characters may be one: both are looked for.

mod cursor;
mod parser;
mod pasted;
mod value;
mod wildcard;

pub use parser::parse;
