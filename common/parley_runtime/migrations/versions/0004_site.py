"""What a tenant's server asks for: discussions of a whole site, hidden ones, banned readers, a reader's erasure.

A hidden chat is one that is gone for everybody (`deleted`) and of which everything is kept (`hidden`): so whatever
reads pages needs to know nothing of hiding.

Row-level security lets an index take only conditions that cannot leak (Postgres marks such operators). `jsonb ->>` is
none, so who wrote something stands in a column of its own.

Bans are looked up by an array: for `IN (SELECT …)` Postgres reads the tenant's whole list with each batch.
"""

from parley_runtime.migrations.statements import patch_function, run

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_LOADED_MORE = """'banned', (SELECT coalesce(jsonb_agg(jsonb_build_array(reader, until)), '[]') FROM bans
        WHERE tenant = part->>'tenant' AND reader = ANY(ARRAY(SELECT jsonb_array_elements_text(part->'authors')))),
      'whole', CASE WHEN part ? 'whole' THEN (SELECT coalesce(jsonb_agg(comment_row(c) ORDER BY born), '[]')
        FROM comments c WHERE tenant = part->>'tenant'
          AND chat IN (SELECT value::uuid FROM jsonb_array_elements_text(part->'whole'))) END,
      'wholeReactions', CASE WHEN part ? 'whole' THEN shown_reactions(part->>'tenant', ARRAY(SELECT id FROM comments
        WHERE tenant = part->>'tenant'
          AND chat IN (SELECT value::uuid FROM jsonb_array_elements_text(part->'whole'))), 310) END,
      'reacted', (SELECT"""

_FORGET = """-- What an erased reader left in a chat that others wrote in, too.
    DELETE FROM reactions r USING comments c, jsonb_to_recordset(part->'forgotten') AS f(chat uuid, reader text)
      WHERE r.tenant = me AND c.tenant = me AND r.comment = c.id AND c.chat = f.chat AND r.reader = f.reader;
    -- What was deleted is erased: only ids and numbers stay."""


def upgrade() -> None:
    run(
        """ALTER TABLE parley.chats ADD COLUMN hidden boolean NOT NULL DEFAULT false CHECK (deleted OR NOT hidden),
           ADD COLUMN author_id text COLLATE "C" GENERATED ALWAYS AS (author->>'id') STORED""",
        """ALTER TABLE parley.comments
           ADD COLUMN author_id text COLLATE "C" GENERATED ALWAYS AS (author->>'id') STORED""",
        "CREATE INDEX chats_in_time ON parley.chats (tenant, created_at, id)",
        "CREATE INDEX chats_hidden ON parley.chats (tenant, created_at, id) WHERE hidden",
        "CREATE INDEX chats_of_author ON parley.chats (tenant, author_id)",
        "CREATE INDEX comments_of_author ON parley.comments (tenant, author_id)",
        "CREATE INDEX reactions_of_reader ON parley.reactions (tenant, reader)",
        """CREATE TABLE parley.bans (
             tenant text COLLATE "C" NOT NULL, reader text COLLATE "C" NOT NULL, reason text, until bigint,
             at bigint NOT NULL, PRIMARY KEY (tenant, reader))""",
        "COMMENT ON COLUMN parley.bans.until IS 'Milliseconds since the epoch; null: until it is lifted.'",
        "ALTER TABLE parley.bans ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE parley.bans FORCE ROW LEVEL SECURITY",
        """CREATE POLICY one_tenant ON parley.bans TO parley_gateway
           USING (tenant = current_setting('parley.tenant', true))
           WITH CHECK (tenant = current_setting('parley.tenant', true))""",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON parley.bans TO parley_gateway",
    )
    patch_function(
        "page_load",
        ("'deleted', deleted)), '[]')", "'deleted', deleted, 'hidden', hidden)), '[]')"),
        ("'reacted', (SELECT", _LOADED_MORE),
    )
    patch_function(
        "page_store",
        ("author, created_at, comments, deleted)\n", "author, created_at, comments, deleted, hidden)\n"),
        ("by, at, comments, deleted\n", "by, at, comments, deleted, hidden\n"),
        ("comments integer, deleted boolean)", "comments integer, deleted boolean, hidden boolean)"),
        (
            "comments = excluded.comments, deleted = excluded.deleted;",
            "comments = excluded.comments, deleted = excluded.deleted, hidden = excluded.hidden;",
        ),
        ("-- What was deleted is erased: only ids and numbers stay.", _FORGET),
    )
    # An erased author, an imported chat, one that is shown again: such a chat is told whole.
    patch_function(
        "page_events",
        ("AND d.kind = 'new-chat')", "AND d.kind IN ('new-chat', 'unhide-chat', 'import', 'erase'))"),
    )
