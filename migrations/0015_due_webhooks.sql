-- How far the delivery of webhooks lags behind is asked by every worker every second: the oldest one that is due, found at once
-- however many wait.
create index webhook_messages_oldest on webhook_messages (next_attempt_at) where state = 'pending';
