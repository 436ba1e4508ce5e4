"""Pages, chats, comments, reactions, operations; the functions through which a gateway reads and writes them.

Roles (cluster-wide, without login; whoever logs in acts as one of them):
- `parley_gateway` reads and writes pages, always as one tenant: row-level security compares each row's tenant with
  the transaction-local setting `parley.tenant`, and an unset one matches nothing.
- `parley_heads` owns one function, which tells the `seq` of given pages of any tenants, and nothing else: gateways
  compare the heads of all their pages in one query.

Functions run with the caller's rights, so that row-level security stands behind their WHERE clauses too.
"""

from parley_runtime.migrations.roles import ensure_roles
from parley_runtime.migrations.statements import run

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = ("pages", "chats", "comments", "reactions", "operations")

_LOAD = """
CREATE FUNCTION parley.page_load(batch jsonb) RETURNS text
LANGUAGE plpgsql VOLATILE SET search_path = parley, pg_temp AS $$
-- Locks the pages that a batch of operations touches and returns all that deciding about them needs.
-- batch: [{tenant, create: [page], pages: [page], ids: [uuid], chats: [uuid], comments: [uuid],
--          reacted: [{comment, emoji, reader}]}], sorted by tenant and page: every gateway locks in the same order.
-- Of each reaction's readers the first 310: what is shown (50) stays right whatever a batch (256) takes away.
DECLARE
  part jsonb;
  answer jsonb := '[]';
BEGIN
  FOR part IN SELECT value FROM jsonb_array_elements(batch) LOOP
    PERFORM set_config('parley.tenant', part->>'tenant', true);
    INSERT INTO pages (tenant, page)
      SELECT part->>'tenant', value FROM jsonb_array_elements_text(part->'create') ORDER BY value COLLATE "C"
      ON CONFLICT DO NOTHING;
    PERFORM 1 FROM pages
      WHERE tenant = part->>'tenant' AND page IN (SELECT jsonb_array_elements_text(part->'pages'))
      ORDER BY page FOR UPDATE;
    answer := answer || jsonb_build_object(
      'tenant', part->>'tenant',
      'pages', (SELECT coalesce(jsonb_agg(jsonb_build_array(page, seq, chats)), '[]') FROM pages
        WHERE tenant = part->>'tenant' AND page IN (SELECT jsonb_array_elements_text(part->'pages'))),
      'operations', (SELECT coalesce(jsonb_agg(jsonb_build_array(id, encode(digest, 'hex'), page, seq)), '[]')
        FROM operations WHERE tenant = part->>'tenant'
          AND id IN (SELECT value::uuid FROM jsonb_array_elements_text(part->'ids'))),
      'chats', (SELECT coalesce(jsonb_agg(jsonb_build_object(
          'id', id, 'page', page, 'seq', seq, 'state', state, 'anchor', anchor, 'by', author, 'at', created_at,
          'comments', comments, 'deleted', deleted)), '[]')
        FROM chats WHERE tenant = part->>'tenant'
          AND id IN (SELECT value::uuid FROM jsonb_array_elements_text(part->'chats'))),
      'comments', (SELECT coalesce(jsonb_agg(comment_row(c)), '[]') FROM comments c
        WHERE tenant = part->>'tenant'
          AND id IN (SELECT value::uuid FROM jsonb_array_elements_text(part->'comments'))),
      'reactions', shown_reactions(part->>'tenant',
        ARRAY(SELECT value::uuid FROM jsonb_array_elements_text(part->'comments')), 310),
      'reacted', (SELECT coalesce(jsonb_agg(jsonb_build_array(r.comment, r.emoji, r.reader)), '[]')
        FROM reactions r JOIN jsonb_to_recordset(part->'reacted') AS q(comment uuid, emoji text, reader text)
          ON r.comment = q.comment AND r.emoji = q.emoji AND r.reader = q.reader
        WHERE r.tenant = part->>'tenant')
    );
  END LOOP;
  RETURN jsonb_build_object('epoch', epoch(), 'tenants', answer)::text;
END $$
"""

_STORE = """
CREATE FUNCTION parley.page_store(batch jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = parley, pg_temp AS $$
-- Writes what was decided. batch: [{tenant, pages, operations, chats, comments, reacted, unreacted, erased}].
-- Raises unique_violation when an operation id was used meanwhile on another page.
DECLARE
  part jsonb;
  me text;
  written bigint;
BEGIN
  FOR part IN SELECT value FROM jsonb_array_elements(batch) LOOP
    me := part->>'tenant';
    PERFORM set_config('parley.tenant', me, true);
    INSERT INTO operations (tenant, id, digest, page, seq, kind, chat, comment, at)
      SELECT me, id, decode(digest, 'hex'), page, seq, kind, chat, comment, at
      FROM jsonb_to_recordset(part->'operations')
        AS o(id uuid, digest text, page text, seq bigint, kind text, chat uuid, comment uuid, at bigint)
      ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS written = ROW_COUNT;
    IF written <> jsonb_array_length(part->'operations') THEN
      RAISE unique_violation USING MESSAGE = 'an operation id was used meanwhile';
    END IF;
    UPDATE pages SET seq = p.seq, chats = p.chats
      FROM jsonb_to_recordset(part->'pages') AS p(page text, seq bigint, chats integer)
      WHERE pages.tenant = me AND pages.page = p.page;
    INSERT INTO chats (tenant, page, id, seq, state, anchor, author, created_at, comments, deleted)
      SELECT me, page, id, seq, state, anchor, by, at, comments, deleted
      FROM jsonb_to_recordset(part->'chats') AS c(page text, id uuid, seq bigint, state text, anchor jsonb, by jsonb,
        at bigint, comments integer, deleted boolean)
      ON CONFLICT (tenant, id) DO UPDATE SET seq = excluded.seq, state = excluded.state, anchor = excluded.anchor,
        author = excluded.author, comments = excluded.comments, deleted = excluded.deleted;
    INSERT INTO comments (tenant, chat, id, born, author, created_at, text, edited, deleted)
      SELECT me, chat, id, born, by, at, text, edited, deleted
      FROM jsonb_to_recordset(part->'comments') AS c(chat uuid, id uuid, born bigint, by jsonb, at bigint, text text,
        edited boolean, deleted boolean)
      ON CONFLICT (tenant, id) DO UPDATE SET author = excluded.author, text = excluded.text, edited = excluded.edited,
        deleted = excluded.deleted;
    DELETE FROM reactions r USING jsonb_to_recordset(part->'unreacted') AS u(comment uuid, emoji text, reader text)
      WHERE r.tenant = me AND r.comment = u.comment AND r.emoji = u.emoji AND r.reader = u.reader;
    INSERT INTO reactions (tenant, comment, emoji, reader, seq)
      SELECT me, comment, emoji, reader, seq
      FROM jsonb_to_recordset(part->'reacted') AS r(comment uuid, emoji text, reader text, seq bigint)
      ON CONFLICT DO NOTHING;
    -- What was deleted is erased: only ids and numbers stay.
    DELETE FROM reactions r USING comments c
      WHERE r.tenant = me AND c.tenant = me AND r.comment = c.id
        AND c.chat IN (SELECT value::uuid FROM jsonb_array_elements_text(part->'erased'));
    DELETE FROM comments
      WHERE tenant = me AND chat IN (SELECT value::uuid FROM jsonb_array_elements_text(part->'erased'));
    DELETE FROM reactions r USING jsonb_to_recordset(part->'comments') AS c(id uuid, deleted boolean)
      WHERE r.tenant = me AND r.comment = c.id AND c.deleted;
  END LOOP;
END $$
"""

_CHANGES = """
CREATE FUNCTION parley.page_changes(me text, of_page text, since_epoch text, since_seq bigint) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = parley, pg_temp AS $$
-- The objects of a page that changed after a cursor, oldest change first, at most about 1,000 comments at once; all in
-- one snapshot. `covered` is the highest seq up to which the answer is complete; equal to `seq` when it is all.
-- Who begins anew knows of nothing that is gone.
DECLARE
  head bigint;
  covered bigint;
  since bigint := since_seq;
  now_epoch text := epoch();
  whole boolean;
  answer jsonb;
BEGIN
  PERFORM set_config('parley.tenant', me, true);
  SELECT seq INTO head FROM pages WHERE tenant = me AND page = of_page;
  head := coalesce(head, 0);
  whole := since_epoch IS DISTINCT FROM now_epoch OR since IS NULL OR since > head OR since < 0;
  IF whole THEN since := 0; END IF;
  WITH ordered AS (
    SELECT c.*, row_number() OVER w AS place, sum(c.comments + 1) OVER w AS weight FROM chats c
    WHERE tenant = me AND page = of_page AND seq > since AND NOT (whole AND deleted) WINDOW w AS (ORDER BY seq)
  ), taken AS (
    SELECT * FROM ordered WHERE place = 1 OR weight <= 1000
  ), rest AS (
    SELECT min(seq) AS next FROM ordered WHERE NOT (place = 1 OR weight <= 1000)
  )
  SELECT
    CASE WHEN (SELECT next FROM rest) IS NULL THEN head ELSE (SELECT max(seq) FROM taken) END,
    jsonb_build_object(
      'chats', coalesce(jsonb_agg(jsonb_build_object(
          'id', t.id, 'page', t.page, 'seq', t.seq, 'state', t.state, 'anchor', t.anchor, 'by', t.author,
          'at', t.created_at, 'comments', t.comments, 'deleted', false,
          'rows', (SELECT coalesce(jsonb_agg(comment_row(c) ORDER BY c.born), '[]') FROM comments c
            WHERE c.tenant = me AND c.chat = t.id AND NOT c.deleted)
        ) ORDER BY t.seq) FILTER (WHERE NOT t.deleted), '[]'),
      'gone', coalesce(jsonb_agg(t.id ORDER BY t.seq) FILTER (WHERE t.deleted), '[]'),
      'reactions', shown_reactions(me, ARRAY(
        SELECT c.id FROM comments c WHERE c.tenant = me AND c.chat IN (SELECT id FROM taken)), 50)
    )
  INTO covered, answer FROM taken t;
  RETURN (answer || jsonb_build_object('epoch', now_epoch, 'seq', head, 'covered', covered, 'whole', whole))::text;
END $$
"""

_EVENTS = """
CREATE FUNCTION parley.page_events(me text, of_page text, after bigint, longest integer) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = parley, pg_temp AS $$
-- What happened on a page after a seq, with the touched objects as they are now; all in one snapshot. More than
-- `longest` operations: `operations` is null, and whoever asks lets the clients resync.
DECLARE
  head bigint;
BEGIN
  PERFORM set_config('parley.tenant', me, true);
  SELECT seq INTO head FROM pages WHERE tenant = me AND page = of_page;
  head := coalesce(head, 0);
  IF head - after > longest OR head < after THEN
    RETURN jsonb_build_object('epoch', epoch(), 'seq', head, 'operations', null)::text;
  END IF;
  RETURN (
    WITH done AS (
      SELECT * FROM operations WHERE tenant = me AND page = of_page AND seq > after AND kind IS NOT NULL
    ), touched AS (
      SELECT c.*, EXISTS (SELECT FROM done d WHERE d.chat = c.id AND d.kind = 'new-chat') AS fresh
      FROM chats c WHERE c.tenant = me AND c.id IN (SELECT chat FROM done)
    ), said AS (
      SELECT c.* FROM comments c WHERE c.tenant = me
        AND (c.chat IN (SELECT id FROM touched WHERE fresh) OR c.id IN (SELECT comment FROM done))
    )
    SELECT jsonb_build_object(
      'epoch', epoch(), 'seq', head,
      'operations', (SELECT coalesce(jsonb_agg(jsonb_build_array(id, seq, kind, chat, comment) ORDER BY seq), '[]')
        FROM done),
      'chats', (SELECT coalesce(jsonb_agg(jsonb_build_object('id', id, 'page', page, 'seq', seq, 'state', state,
        'anchor', anchor, 'by', author, 'at', created_at, 'comments', comments, 'deleted', deleted)), '[]')
        FROM touched),
      'comments', (SELECT coalesce(jsonb_agg(comment_row(said) ORDER BY born), '[]') FROM said),
      'reactions', shown_reactions(me, ARRAY(SELECT id FROM said), 50)
    )::text
  );
END $$
"""


def upgrade() -> None:
    ensure_roles("parley_gateway", "parley_heads")
    run(
        "CREATE SCHEMA parley",
        "GRANT USAGE ON SCHEMA parley TO parley_gateway, parley_heads",
        """CREATE TABLE parley.history (generation bigint NOT NULL)""",
        """COMMENT ON TABLE parley.history IS
           'One row. Raised by hand after rows were restored in place, so that every client takes a new snapshot.'""",
        "INSERT INTO parley.history VALUES (1)",
        "GRANT SELECT ON parley.history TO parley_gateway, parley_heads",
        """CREATE TABLE parley.pages (
             tenant text COLLATE "C" NOT NULL, page text COLLATE "C" NOT NULL,
             seq bigint NOT NULL DEFAULT 0 CHECK (seq >= 0),
             chats integer NOT NULL DEFAULT 0 CHECK (chats >= 0),
             PRIMARY KEY (tenant, page)) WITH (fillfactor = 70)""",
        """CREATE TABLE parley.chats (
             tenant text COLLATE "C" NOT NULL, page text COLLATE "C" NOT NULL, id uuid NOT NULL,
             seq bigint NOT NULL, state text NOT NULL CHECK (state IN ('open', 'resolved')),
             anchor jsonb, author jsonb NOT NULL, created_at bigint NOT NULL,
             comments integer NOT NULL, deleted boolean NOT NULL,
             PRIMARY KEY (tenant, id)) WITH (fillfactor = 80)""",
        "CREATE INDEX chats_changed ON parley.chats (tenant, page, seq)",
        """CREATE TABLE parley.comments (
             tenant text COLLATE "C" NOT NULL, chat uuid NOT NULL, id uuid NOT NULL, born bigint NOT NULL,
             author jsonb NOT NULL, created_at bigint NOT NULL, text text,
             edited boolean NOT NULL, deleted boolean NOT NULL,
             PRIMARY KEY (tenant, id))""",
        "CREATE INDEX comments_of_chat ON parley.comments (tenant, chat, born)",
        """CREATE TABLE parley.reactions (
             tenant text COLLATE "C" NOT NULL, comment uuid NOT NULL, emoji text COLLATE "C" NOT NULL,
             reader text COLLATE "C" NOT NULL, seq bigint NOT NULL,
             PRIMARY KEY (tenant, comment, emoji, reader))""",
        """CREATE TABLE parley.operations (
             tenant text COLLATE "C" NOT NULL, id uuid NOT NULL, digest bytea NOT NULL,
             page text COLLATE "C" NOT NULL, seq bigint NOT NULL,
             kind text, chat uuid, comment uuid, at bigint NOT NULL,
             PRIMARY KEY (tenant, id))""",
        "COMMENT ON COLUMN parley.operations.kind IS 'The op; null when it changed nothing and made no event.'",
        "CREATE INDEX operations_in_order ON parley.operations (tenant, page, seq) WHERE kind IS NOT NULL",
    )
    for table in _TABLES:
        run(
            f"ALTER TABLE parley.{table} ENABLE ROW LEVEL SECURITY",
            f"ALTER TABLE parley.{table} FORCE ROW LEVEL SECURITY",
            f"""CREATE POLICY one_tenant ON parley.{table} TO parley_gateway
                USING (tenant = current_setting('parley.tenant', true))
                WITH CHECK (tenant = current_setting('parley.tenant', true))""",
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON parley.{table} TO parley_gateway",
        )
    run(
        "GRANT SELECT (tenant, page, seq) ON parley.pages TO parley_heads",
        "CREATE POLICY heads_of_all ON parley.pages FOR SELECT TO parley_heads USING (true)",
        # The running timeline, not the last checkpoint's: a fast promotion answers before its first checkpoint.
        """CREATE FUNCTION parley.epoch() RETURNS text LANGUAGE sql STABLE SET search_path = parley, pg_temp AS $$
             SELECT substr(md5(concat_ws('/',
               (SELECT system_identifier FROM pg_control_system()),
               substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8),
               (SELECT oid FROM pg_database WHERE datname = current_database()),
               (SELECT generation FROM history))), 1, 12) $$""",
        """CREATE FUNCTION parley.comment_row(c parley.comments) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
             SELECT jsonb_build_object('id', c.id, 'chat', c.chat, 'born', c.born, 'by', c.author, 'at', c.created_at,
               'text', c.text, 'edited', c.edited, 'deleted', c.deleted) $$""",
        """CREATE FUNCTION parley.shown_reactions(me text, of_comments uuid[], most integer) RETURNS jsonb
           LANGUAGE sql STABLE SET search_path = parley, pg_temp AS $$
             SELECT coalesce(jsonb_agg(jsonb_build_array(comment, emoji, reader) ORDER BY first, seq, reader), '[]')
             FROM (SELECT comment, emoji, reader, seq,
                          row_number() OVER (PARTITION BY comment, emoji ORDER BY seq, reader) AS place,
                          min(seq) OVER (PARTITION BY comment, emoji) AS first
                   FROM reactions WHERE tenant = me AND comment = ANY(of_comments)) r
             WHERE place <= most $$""",
        _LOAD,
        _STORE,
        _CHANGES,
        _EVENTS,
        """CREATE FUNCTION parley.page_heads(of_tenants text[], of_pages text[])
           RETURNS TABLE (place bigint, seq bigint)
           LANGUAGE sql STABLE SECURITY DEFINER SET search_path = parley, pg_temp AS $$
             SELECT asked.place, p.seq FROM unnest(of_tenants, of_pages) WITH ORDINALITY AS asked(tenant, page, place)
             JOIN pages p ON p.tenant = asked.tenant AND p.page = asked.page $$""",
        "GRANT CREATE ON SCHEMA parley TO parley_heads",
        "ALTER FUNCTION parley.page_heads OWNER TO parley_heads",
        "REVOKE CREATE ON SCHEMA parley FROM parley_heads",
        "REVOKE ALL ON FUNCTION parley.page_heads FROM PUBLIC",
        "GRANT EXECUTE ON FUNCTION parley.page_heads TO parley_gateway",
    )
