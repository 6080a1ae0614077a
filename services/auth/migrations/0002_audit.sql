-- Reading the audit log in order of time, and dropping the old of what is only counted.
CREATE INDEX audit_log_at ON audit_log (at, id);
