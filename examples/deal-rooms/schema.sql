-- Rooms in which the parties to a ship-to-ship transfer settle its terms and papers.
CREATE SCHEMA deal_rooms;

CREATE TYPE deal_rooms.party_role AS ENUM ('owner', 'broker', 'charterer', 'seller', 'buyer', 'admin');
CREATE TYPE deal_rooms.document_status AS ENUM ('missing', 'under review', 'approved', 'expired');

CREATE TABLE deal_rooms.rooms (
  id text PRIMARY KEY,
  title text NOT NULL,
  location text NOT NULL,
  cargo text NOT NULL,
  quantity_tonnes numeric(12, 3) NOT NULL,
  -- The days between which the vessels must arrive.
  laycan daterange NOT NULL,
  is_closed boolean NOT NULL DEFAULT false,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON deal_rooms.rooms (created_at);

-- Who may enter a room, and as what. People are known by their address.
CREATE TABLE deal_rooms.parties (
  room_id text NOT NULL REFERENCES deal_rooms.rooms ON DELETE CASCADE,
  email text NOT NULL CHECK (email = lower(email)),
  name text NOT NULL,
  company text,
  role deal_rooms.party_role NOT NULL,
  PRIMARY KEY (room_id, email)
);
CREATE INDEX ON deal_rooms.parties (email);

CREATE TABLE deal_rooms.terms (
  room_id text NOT NULL REFERENCES deal_rooms.rooms ON DELETE CASCADE,
  clause text NOT NULL,
  wording text NOT NULL,
  price_per_tonne numeric(12, 4),
  currency char(3),
  laytime interval,
  is_agreed boolean NOT NULL DEFAULT false,
  PRIMARY KEY (room_id, clause)
);

CREATE TABLE deal_rooms.messages (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  room_id text NOT NULL REFERENCES deal_rooms.rooms ON DELETE CASCADE,
  sender text NOT NULL,
  reply_to uuid REFERENCES deal_rooms.messages ON DELETE SET NULL,
  body text NOT NULL,
  sent_at timestamptz NOT NULL DEFAULT now(),
  -- Only parties speak.
  FOREIGN KEY (room_id, sender) REFERENCES deal_rooms.parties (room_id, email)
);
CREATE INDEX ON deal_rooms.messages (room_id, sent_at);
CREATE INDEX ON deal_rooms.messages (reply_to);

CREATE TABLE deal_rooms.documents (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  room_id text NOT NULL REFERENCES deal_rooms.rooms ON DELETE CASCADE,
  kind text NOT NULL,
  file_name text,
  storage_key text UNIQUE,
  size_bytes bigint,
  status deal_rooms.document_status NOT NULL DEFAULT 'missing',
  expires_on date,
  UNIQUE (room_id, kind)
);

CREATE TABLE deal_rooms.reviews (
  document_id uuid NOT NULL REFERENCES deal_rooms.documents ON DELETE CASCADE,
  reviewer text NOT NULL,
  approved boolean NOT NULL,
  remark text,
  reviewed_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (document_id, reviewer)
);
