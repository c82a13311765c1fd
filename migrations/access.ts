import { Migration } from '@mikro-orm/migrations'

const role = "role text NOT NULL CHECK (role IN ('admin', 'operator', 'viewer', 'member'))"
const digest = "digest text NOT NULL UNIQUE CHECK (digest ~ '^[0-9a-f]{64}$')"

/** Users, their sessions, API tokens, the setup link, and what attempts to sign in are counted by. */
export class Access extends Migration {
  override up(): void {
    this.#users()
    this.#tokens()
    this.#signIn()
  }

  #users(): void {
    this.addSql(`CREATE TABLE users (
      id uuid PRIMARY KEY,
      email text NOT NULL UNIQUE CHECK (email = lower(email)),
      name text NOT NULL,
      ${role},
      password_hash text NOT NULL,
      created_at timestamptz NOT NULL,
      last_sign_in_at timestamptz,
      disabled_at timestamptz)`)
    this.addSql(`CREATE TABLE sessions (
      id uuid PRIMARY KEY,
      user_id uuid NOT NULL REFERENCES users,
      ${digest},
      created_at timestamptz NOT NULL,
      last_seen_at timestamptz NOT NULL,
      address text NOT NULL,
      user_agent text NOT NULL)`)
    this.addSql('CREATE INDEX sessions_user ON sessions (user_id, id)')
  }

  /** A token outlives whoever made it in the lists, so created_by refers to users and tokens without a constraint. */
  #tokens(): void {
    this.addSql(`CREATE TABLE api_tokens (
      id uuid PRIMARY KEY,
      name text NOT NULL,
      ${role},
      ${digest},
      created_by uuid,
      created_by_name text NOT NULL,
      created_at timestamptz NOT NULL,
      expires_at timestamptz,
      last_used_at timestamptz,
      revoked_at timestamptz)`)
    this.addSql('CREATE INDEX api_tokens_creator ON api_tokens (created_by, id)')
    this.addSql(`CREATE TABLE setup_links (
      single boolean PRIMARY KEY CHECK (single),
      ${digest},
      expires_at timestamptz NOT NULL)`)
  }

  #signIn(): void {
    this.addSql(`CREATE TABLE sign_in_attempts (
      key text PRIMARY KEY,
      started_at timestamptz NOT NULL,
      count integer NOT NULL)`)
    this.addSql('CREATE INDEX sign_in_attempts_age ON sign_in_attempts (started_at)')
    this.addSql(`CREATE TABLE sign_in_places (
      user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
      place text NOT NULL,
      seen_at timestamptz NOT NULL,
      PRIMARY KEY (user_id, place))`)
  }
}
