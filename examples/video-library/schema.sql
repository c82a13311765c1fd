-- Videos from YouTube, put into categories by people with the help of a model. Internal ids are serial numbers that
-- mean nothing elsewhere: YouTube's ids and the categories' names are what stays.
CREATE SCHEMA video_library;

CREATE TABLE video_library.categories (
  id serial PRIMARY KEY,
  name text NOT NULL UNIQUE CHECK (name <> ''),
  slug text GENERATED ALWAYS AS (lower(replace(name, ' ', '-'))) STORED,
  description text,
  colour text CHECK (colour ~ '^#[0-9a-f]{6}$'),
  is_protected boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE video_library.videos (
  id serial PRIMARY KEY,
  youtube_id text NOT NULL UNIQUE,
  title text NOT NULL,
  channel text NOT NULL,
  duration interval NOT NULL,
  view_count bigint NOT NULL DEFAULT 0,
  tags text[] NOT NULL DEFAULT '{}',
  published_at timestamptz NOT NULL,
  search tsvector GENERATED ALWAYS AS (to_tsvector('simple', title || ' ' || channel)) STORED
);

CREATE TABLE video_library.category_videos (
  category_id integer NOT NULL REFERENCES video_library.categories ON DELETE CASCADE,
  video_id integer NOT NULL REFERENCES video_library.videos ON DELETE CASCADE,
  position integer NOT NULL,
  added_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (category_id, video_id)
);
CREATE INDEX ON video_library.category_videos (video_id);

-- What the model suggests, what became of it, and where a person put the video instead.
CREATE TABLE video_library.ml_categorizations (
  id serial PRIMARY KEY,
  suggested_category_id integer NOT NULL REFERENCES video_library.categories ON DELETE CASCADE,
  video_id integer NOT NULL REFERENCES video_library.videos ON DELETE CASCADE,
  confidence real NOT NULL CHECK (confidence BETWEEN 0 AND 1),
  accepted boolean,
  manual_category_id integer REFERENCES video_library.categories ON DELETE SET NULL,
  model text NOT NULL,
  decided_at timestamptz,
  UNIQUE (suggested_category_id, video_id)
);
CREATE INDEX ON video_library.ml_categorizations (video_id);
CREATE INDEX ON video_library.ml_categorizations (manual_category_id);
