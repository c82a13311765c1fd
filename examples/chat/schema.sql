-- A shop's chat with its visitors.
CREATE SCHEMA chat;

CREATE TYPE chat.channel AS ENUM ('web', 'whatsapp', 'telegram');

CREATE TABLE chat.sessions (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  subject text NOT NULL,
  visitor_name text,
  visitor_email text,
  channel chat.channel NOT NULL,
  language text NOT NULL,
  rating smallint CHECK (rating BETWEEN 1 AND 5),
  metadata jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz
);
CREATE INDEX ON chat.sessions (created_at);

CREATE TABLE chat.messages (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  session_id bigint NOT NULL REFERENCES chat.sessions ON DELETE CASCADE,
  sender text NOT NULL CHECK (sender IN ('visitor', 'agent', 'bot')),
  content text NOT NULL,
  sent_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON chat.messages (session_id, id);
