//! The query languages (PromQL, LogQL, the search bar): parse, plan, evaluate over the traits of the model.
