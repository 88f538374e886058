//! What people keep: dashboards, saved searches, rules, tokens; runs the migrations.
