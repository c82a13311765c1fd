-- Documents from firms' mail archives, sorted into categories by people. The files themselves lie in a bucket.
CREATE SCHEMA legacy_import;

CREATE TYPE legacy_import.session_status AS ENUM ('extracting', 'categorizing', 'completed');
CREATE TYPE legacy_import.document_status AS ENUM ('pending', 'categorized', 'skipped');

CREATE TABLE legacy_import.users (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  name text NOT NULL,
  email text NOT NULL UNIQUE
);

-- One archive of one firm.
CREATE TABLE legacy_import.sessions (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  firm_id text NOT NULL,
  archive_file_name text NOT NULL,
  status legacy_import.session_status NOT NULL DEFAULT 'extracting',
  stats jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  -- Kept by Holdfast: when the last snapshot was taken, and when the exported files will be removed.
  last_snapshot_at timestamptz,
  cleanup_scheduled_at timestamptz
);
CREATE INDEX ON legacy_import.sessions (created_at);

CREATE TABLE legacy_import.categories (
  session_id uuid NOT NULL REFERENCES legacy_import.sessions ON DELETE CASCADE,
  name text NOT NULL,
  position integer NOT NULL,
  document_count integer NOT NULL DEFAULT 0 CHECK (document_count >= 0),
  PRIMARY KEY (session_id, name)
);

-- A share of a session's documents that one person works through.
CREATE TABLE legacy_import.batches (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  session_id uuid NOT NULL REFERENCES legacy_import.sessions ON DELETE CASCADE,
  number smallint NOT NULL,
  assigned_user_id uuid REFERENCES legacy_import.users ON DELETE SET NULL,
  completed_at timestamptz,
  UNIQUE (session_id, number)
);
CREATE INDEX ON legacy_import.batches (assigned_user_id);

CREATE TABLE legacy_import.documents (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  session_id uuid NOT NULL REFERENCES legacy_import.sessions ON DELETE CASCADE,
  batch_id uuid REFERENCES legacy_import.batches ON DELETE SET NULL,
  -- A category that is renamed takes its documents along; one that has documents can't be deleted.
  category text,
  status legacy_import.document_status NOT NULL DEFAULT 'pending',
  file_name text NOT NULL,
  storage_key text NOT NULL UNIQUE,
  size_bytes bigint NOT NULL CHECK (size_bytes >= 0),
  sender text,
  subject text,
  sent_at timestamptz,
  categorized_at timestamptz,
  FOREIGN KEY (session_id, category) REFERENCES legacy_import.categories (session_id, name) ON UPDATE CASCADE
);
CREATE INDEX ON legacy_import.documents (batch_id);
CREATE INDEX ON legacy_import.documents (session_id, category);
