#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| clew_fuzzing::run("otlp_logs", data));
