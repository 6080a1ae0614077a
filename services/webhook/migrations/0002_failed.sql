-- What `deliveries replay --failed` and `doctor` look for: few, among however many that went well.
CREATE INDEX deliveries_failed ON deliveries (finished_at) WHERE state = 'failed';
