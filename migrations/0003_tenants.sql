-- Which tenants somebody may use: names with spaces between them, or `*` for all. Who was there before belongs to `default`.

ALTER TABLE users ADD COLUMN tenants TEXT NOT NULL DEFAULT 'default';
ALTER TABLE tokens ADD COLUMN tenants TEXT NOT NULL DEFAULT 'default';
