//! What may be written for each service that an Alertmanager notifies.

use crate::shape::{AUTHENTICATION, HTTP_CLIENT, Section, Shape, TLS};

/// A client of HTTP as a section of its own.
pub(super) static CLIENT: Section = Section { keys: &[HTTP_CLIENT], required: &[], exclusive: &[AUTHENTICATION] };

const COMMON: &[(&str, Shape)] = &[("send_resolved", Shape::Bool)];

static DISCORD: Section = Section::requiring(
    &[
        COMMON,
        &[
            ("http_config", Shape::One(&CLIENT)),
            ("webhook_url", Shape::Text),
            ("webhook_url_file", Shape::Text),
            ("content", Shape::Text),
            ("title", Shape::Text),
            ("message", Shape::Text),
            ("username", Shape::Text),
            ("avatar_url", Shape::Text),
        ],
    ],
    &[],
);

static EMAIL: Section = Section::requiring(
    &[
        COMMON,
        &[
            ("to", Shape::Text),
            ("from", Shape::Text),
            ("hello", Shape::Text),
            ("smarthost", Shape::Text),
            ("auth_username", Shape::Text),
            ("auth_password", Shape::Text),
            ("auth_password_file", Shape::Text),
            ("auth_secret", Shape::Text),
            ("auth_secret_file", Shape::Text),
            ("auth_identity", Shape::Text),
            ("headers", Shape::TextMap),
            ("html", Shape::Text),
            ("text", Shape::Text),
            ("require_tls", Shape::Bool),
            ("tls_config", Shape::One(&TLS)),
            ("force_implicit_tls", Shape::Bool),
            ("threading", Shape::Any),
        ],
    ],
    &["to"],
);

static INCIDENTIO: Section = Section::requiring(
    &[
        COMMON,
        &[
            ("http_config", Shape::One(&CLIENT)),
            ("url", Shape::Text),
            ("url_file", Shape::Text),
            ("alert_source_token", Shape::Text),
            ("alert_source_token_file", Shape::Text),
            ("max_alerts", Shape::Integer),
            ("timeout", Shape::Any),
        ],
    ],
    &[],
);

static JIRA: Section = Section::requiring(
    &[
        COMMON,
        &[
            ("http_config", Shape::One(&CLIENT)),
            ("api_url", Shape::Text),
            ("api_type", Shape::Text),
            ("project", Shape::Text),
            ("summary", Shape::Any),
            ("description", Shape::Any),
            ("labels", Shape::Texts),
            ("priority", Shape::Text),
            ("issue_type", Shape::Text),
            ("reopen_transition", Shape::Text),
            ("resolve_transition", Shape::Text),
            ("wont_fix_resolution", Shape::Text),
            ("reopen_duration", Shape::Duration),
            ("fields", Shape::Any),
        ],
    ],
    &[],
);

static MATTERMOST: Section = Section::requiring(
    &[
        COMMON,
        &[
            ("http_config", Shape::One(&CLIENT)),
            ("webhook_url", Shape::Text),
            ("webhook_url_file", Shape::Text),
            ("channel", Shape::Text),
            ("username", Shape::Text),
            ("text", Shape::Text),
            ("fallback", Shape::Text),
            ("color", Shape::Text),
            ("pretext", Shape::Text),
            ("author_name", Shape::Text),
            ("author_link", Shape::Text),
            ("author_icon", Shape::Text),
            ("title", Shape::Text),
            ("title_link", Shape::Text),
            ("fields", Shape::Any),
            ("thumb_url", Shape::Text),
            ("footer", Shape::Text),
            ("footer_icon", Shape::Text),
            ("image_url", Shape::Text),
            ("icon_url", Shape::Text),
            ("icon_emoji", Shape::Text),
            ("attachments", Shape::Any),
            ("type", Shape::Text),
            ("props", Shape::Any),
            ("priority", Shape::Any),
        ],
    ],
    &[],
);

static MSTEAMS: Section = Section::requiring(
    &[
        COMMON,
        &[
            ("http_config", Shape::One(&CLIENT)),
            ("webhook_url", Shape::Text),
            ("webhook_url_file", Shape::Text),
            ("title", Shape::Text),
            ("summary", Shape::Text),
            ("text", Shape::Text),
        ],
    ],
    &[],
);

static MSTEAMSV2: Section = Section::requiring(
    &[
        COMMON,
        &[
            ("http_config", Shape::One(&CLIENT)),
            ("webhook_url", Shape::Text),
            ("webhook_url_file", Shape::Text),
            ("title", Shape::Text),
            ("text", Shape::Text),
        ],
    ],
    &[],
);

static OPSGENIE: Section = Section::requiring(
    &[
        COMMON,
        &[
            ("http_config", Shape::One(&CLIENT)),
            ("api_key", Shape::Text),
            ("api_key_file", Shape::Text),
            ("api_url", Shape::Text),
            ("message", Shape::Text),
            ("description", Shape::Text),
            ("source", Shape::Text),
            ("details", Shape::TextMap),
            ("entity", Shape::Text),
            ("responders", Shape::Any),
            ("actions", Shape::Text),
            ("tags", Shape::Text),
            ("note", Shape::Text),
            ("priority", Shape::Text),
            ("update_alerts", Shape::Bool),
        ],
    ],
    &[],
);

static PAGERDUTY: Section = Section::requiring(
    &[
        COMMON,
        &[
            ("http_config", Shape::One(&CLIENT)),
            ("service_key", Shape::Text),
            ("service_key_file", Shape::Text),
            ("routing_key", Shape::Text),
            ("routing_key_file", Shape::Text),
            ("url", Shape::Text),
            ("client", Shape::Text),
            ("client_url", Shape::Text),
            ("description", Shape::Text),
            ("details", Shape::Any),
            ("images", Shape::Any),
            ("links", Shape::Any),
            ("source", Shape::Text),
            ("severity", Shape::Text),
            ("class", Shape::Text),
            ("component", Shape::Text),
            ("group", Shape::Text),
            ("timeout", Shape::Any),
        ],
    ],
    &[],
);

static PUSHOVER: Section = Section::requiring(
    &[
        COMMON,
        &[
            ("http_config", Shape::One(&CLIENT)),
            ("user_key", Shape::Text),
            ("user_key_file", Shape::Text),
            ("token", Shape::Text),
            ("token_file", Shape::Text),
            ("title", Shape::Text),
            ("message", Shape::Text),
            ("url", Shape::Text),
            ("url_title", Shape::Text),
            ("device", Shape::Text),
            ("sound", Shape::Text),
            ("priority", Shape::Text),
            ("retry", Shape::Any),
            ("expire", Shape::Any),
            ("ttl", Shape::Any),
            ("html", Shape::Bool),
            ("monospace", Shape::Bool),
        ],
    ],
    &[],
);

static ROCKETCHAT: Section = Section::requiring(
    &[
        COMMON,
        &[
            ("http_config", Shape::One(&CLIENT)),
            ("api_url", Shape::Text),
            ("token_id", Shape::Text),
            ("token_id_file", Shape::Text),
            ("token", Shape::Text),
            ("token_file", Shape::Text),
            ("channel", Shape::Text),
            ("color", Shape::Text),
            ("title", Shape::Text),
            ("title_link", Shape::Text),
            ("text", Shape::Text),
            ("fields", Shape::Any),
            ("short_fields", Shape::Bool),
            ("emoji", Shape::Text),
            ("icon_url", Shape::Text),
            ("image_url", Shape::Text),
            ("thumb_url", Shape::Text),
            ("link_names", Shape::Bool),
            ("actions", Shape::Any),
        ],
    ],
    &[],
);

static SLACK: Section = Section::requiring(
    &[
        COMMON,
        &[
            ("http_config", Shape::One(&CLIENT)),
            ("api_url", Shape::Text),
            ("api_url_file", Shape::Text),
            ("app_token", Shape::Text),
            ("app_token_file", Shape::Text),
            ("app_url", Shape::Text),
            ("channel", Shape::Text),
            ("username", Shape::Text),
            ("color", Shape::Text),
            ("title", Shape::Text),
            ("title_link", Shape::Text),
            ("pretext", Shape::Text),
            ("text", Shape::Text),
            ("message_text", Shape::Text),
            ("fields", Shape::Any),
            ("short_fields", Shape::Bool),
            ("footer", Shape::Text),
            ("fallback", Shape::Text),
            ("callback_id", Shape::Text),
            ("icon_emoji", Shape::Text),
            ("icon_url", Shape::Text),
            ("image_url", Shape::Text),
            ("thumb_url", Shape::Text),
            ("link_names", Shape::Bool),
            ("mrkdwn_in", Shape::Texts),
            ("actions", Shape::Any),
            ("update_message", Shape::Bool),
            ("timeout", Shape::Any),
        ],
    ],
    &[],
);

static SNS: Section = Section::requiring(
    &[
        COMMON,
        &[
            ("http_config", Shape::One(&CLIENT)),
            ("api_url", Shape::Text),
            ("sigv4", Shape::Any),
            ("topic_arn", Shape::Text),
            ("phone_number", Shape::Text),
            ("target_arn", Shape::Text),
            ("subject", Shape::Text),
            ("message", Shape::Text),
            ("attributes", Shape::TextMap),
            ("use_aws_http_client", Shape::Bool),
        ],
    ],
    &[],
);

static TELEGRAM: Section = Section::requiring(
    &[
        COMMON,
        &[
            ("http_config", Shape::One(&CLIENT)),
            ("api_url", Shape::Text),
            ("bot_token", Shape::Text),
            ("bot_token_file", Shape::Text),
            ("chat_id", Shape::Integer),
            ("chat_id_file", Shape::Text),
            ("message_thread_id", Shape::Integer),
            ("message", Shape::Text),
            ("disable_notifications", Shape::Bool),
            ("parse_mode", Shape::Text),
        ],
    ],
    &[],
);

static VICTOROPS: Section = Section::requiring(
    &[
        COMMON,
        &[
            ("http_config", Shape::One(&CLIENT)),
            ("api_key", Shape::Text),
            ("api_key_file", Shape::Text),
            ("api_url", Shape::Text),
            ("routing_key", Shape::Text),
            ("message_type", Shape::Text),
            ("state_message", Shape::Text),
            ("entity_display_name", Shape::Text),
            ("monitoring_tool", Shape::Text),
            ("custom_fields", Shape::TextMap),
        ],
    ],
    &["routing_key"],
);

static WEBEX: Section = Section::requiring(
    &[
        COMMON,
        &[
            ("http_config", Shape::One(&CLIENT)),
            ("api_url", Shape::Text),
            ("message", Shape::Text),
            ("room_id", Shape::Text),
        ],
    ],
    &["room_id"],
);

static WEBHOOK: Section = Section::requiring(
    &[
        COMMON,
        &[
            ("http_config", Shape::One(&CLIENT)),
            ("url", Shape::Text),
            ("url_file", Shape::Text),
            ("max_alerts", Shape::Integer),
            ("timeout", Shape::Any),
            ("payload", Shape::Any),
        ],
    ],
    &[],
);

static WECHAT: Section = Section::requiring(
    &[
        COMMON,
        &[
            ("http_config", Shape::One(&CLIENT)),
            ("api_secret", Shape::Text),
            ("api_secret_file", Shape::Text),
            ("corp_id", Shape::Text),
            ("message", Shape::Text),
            ("api_url", Shape::Text),
            ("to_user", Shape::Text),
            ("to_party", Shape::Text),
            ("to_tag", Shape::Text),
            ("agent_id", Shape::Text),
            ("message_type", Shape::Text),
        ],
    ],
    &[],
);

/// The lists of a receiver, one for each service.
pub(super) const INTEGRATIONS: &[(&str, Shape)] = &[
    ("discord_configs", Shape::Many(&DISCORD)),
    ("email_configs", Shape::Many(&EMAIL)),
    ("incidentio_configs", Shape::Many(&INCIDENTIO)),
    ("jira_configs", Shape::Many(&JIRA)),
    ("mattermost_configs", Shape::Many(&MATTERMOST)),
    ("msteams_configs", Shape::Many(&MSTEAMS)),
    ("msteamsv2_configs", Shape::Many(&MSTEAMSV2)),
    ("opsgenie_configs", Shape::Many(&OPSGENIE)),
    ("pagerduty_configs", Shape::Many(&PAGERDUTY)),
    ("pushover_configs", Shape::Many(&PUSHOVER)),
    ("rocketchat_configs", Shape::Many(&ROCKETCHAT)),
    ("slack_configs", Shape::Many(&SLACK)),
    ("sns_configs", Shape::Many(&SNS)),
    ("telegram_configs", Shape::Many(&TELEGRAM)),
    ("victorops_configs", Shape::Many(&VICTOROPS)),
    ("webex_configs", Shape::Many(&WEBEX)),
    ("webhook_configs", Shape::Many(&WEBHOOK)),
    ("wechat_configs", Shape::Many(&WECHAT)),
];
