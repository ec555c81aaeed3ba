-- +goose Up

-- What this database is. One row.
CREATE TABLE instance (
    one      BIGINT PRIMARY KEY,          -- always 1
    shard    BIGINT NOT NULL,             -- upper bits of every id born here
    next_id  BIGINT NOT NULL,             -- ids below are given out, in blocks
    created  BIGINT NOT NULL,
    swept    BIGINT NOT NULL,             -- when the store of bodies was last swept of what no row names
    master   {{bytes}} NOT NULL,          -- says which master key is the right one; empty: none was used yet
    id       TEXT NOT NULL DEFAULT ''     -- random; '': nobody has asked for it yet
);
INSERT INTO instance (one, shard, next_id, created, swept, master) VALUES (1, 0, 1000, 0, 0, CAST('' AS {{bytes}}));

------------------------------------------------------------------------------------------------------------ directory

CREATE TABLE domain (
    name      TEXT PRIMARY KEY,           -- lower case, A-labels
    catch_all TEXT NOT NULL,              -- address that gets mail for unknown users, '' for none
    disabled  BIGINT NOT NULL,
    created   BIGINT NOT NULL
);

-- Accounts as the directory knows them. Their counters are in `account`, which may lie on another shard.
CREATE TABLE directory_account (
    account_id BIGINT PRIMARY KEY,
    local      TEXT NOT NULL,             -- the primary address: sign-in name
    domain     TEXT NOT NULL,
    name       TEXT NOT NULL,             -- display name
    disabled   BIGINT NOT NULL,
    admin      BIGINT NOT NULL DEFAULT 0, -- may set the quotas of others
    shared     BIGINT NOT NULL DEFAULT 0, -- its mailboxes are for many: shown as shared folders
    created    BIGINT NOT NULL
);
CREATE INDEX directory_account_domain ON directory_account (domain, account_id);

-- Every address that reaches someone. An alias with several targets has several rows.
CREATE TABLE address (
    domain     TEXT NOT NULL,
    local      TEXT NOT NULL,             -- folded as the directory compares: lower case
    target     TEXT NOT NULL,             -- '' for the account's own address, else an address elsewhere
    account_id BIGINT NOT NULL,           -- 0 when target is set
    kind       TEXT NOT NULL,             -- primary, alias, group
    created    BIGINT NOT NULL,
    PRIMARY KEY (domain, local, account_id, target)
) {{clustered}};
CREATE INDEX address_account ON address (account_id);

-- Addresses whose mail goes to members, and who they are. Members are named by address: here, on other servers, or groups.
CREATE TABLE mail_group (
    domain  TEXT NOT NULL,
    local   TEXT NOT NULL,                -- folded
    name    TEXT NOT NULL,
    policy  TEXT NOT NULL,                -- who may send to it: anyone, domain, members, owners
    created BIGINT NOT NULL,
    PRIMARY KEY (domain, local)
);
CREATE TABLE group_member (
    domain        TEXT NOT NULL,
    local         TEXT NOT NULL,
    member_domain TEXT NOT NULL,
    member_local  TEXT NOT NULL,          -- folded
    member        TEXT NOT NULL,          -- as it was written
    owner         BIGINT NOT NULL,
    created       BIGINT NOT NULL,
    PRIMARY KEY (domain, local, member_domain, member_local)
) {{clustered}};
CREATE INDEX group_member_of ON group_member (member_domain, member_local);

-- Reverse-paths of forwarded mail that do not fit into the ones it goes on with.
CREATE TABLE long_sender (
    token  TEXT PRIMARY KEY,              -- hash of the sender
    sender TEXT NOT NULL,
    used   BIGINT NOT NULL
);
CREATE INDEX long_sender_used ON long_sender (used);

-- Secrets. Passwords are Argon2id only; app passwords also keep a SCRAM-SHA-256 verifier.
CREATE TABLE credential (
    account_id BIGINT NOT NULL,
    id         BIGINT NOT NULL,
    kind       TEXT NOT NULL,             -- password, app
    name       TEXT NOT NULL,             -- what the user called an app password
    verifier   TEXT NOT NULL,             -- PHC string
    scram      TEXT NOT NULL,             -- RFC 5803 form, '' for none
    created    BIGINT NOT NULL,
    last_used  BIGINT NOT NULL,           -- 0 for never; kept to the hour
    PRIMARY KEY (account_id, id)
) {{clustered}};
CREATE INDEX credential_app ON credential (account_id) WHERE kind = 'app';

-- Programs that their user has let in on the sign-in page (RFC 6749). Their tokens are not kept: each proves by an HMAC that it was
-- made for a row and its turn, so that nothing here opens anything.
CREATE TABLE session (
    account_id BIGINT NOT NULL,
    id         BIGINT NOT NULL,
    login      TEXT NOT NULL,             -- the name that was signed in with
    client     TEXT NOT NULL,             -- client_id
    name       TEXT NOT NULL,             -- what the program calls itself
    redirect   TEXT NOT NULL,
    scope      BIGINT NOT NULL,
    created    BIGINT NOT NULL,
    last_used  BIGINT NOT NULL,           -- kept to the hour
    expires    BIGINT NOT NULL,
    challenge  TEXT NOT NULL,             -- RFC 7636
    secret     BIGINT NOT NULL,           -- the id of the credential that was signed in with
    mark       TEXT NOT NULL,             -- SHA-256 of its verifier then: another password ends the session
    turn       BIGINT NOT NULL,           -- -1: asked, 0: allowed, then the number of the refresh token that counts
    turned     BIGINT NOT NULL,
    PRIMARY KEY (account_id, id)
) {{clustered}};
CREATE INDEX session_expires ON session (expires);

------------------------------------------------------------------------------------------------------- unit of work

-- The row every write of an account locks first. `modseq` numbers every change.
CREATE TABLE account (
    id               BIGINT PRIMARY KEY,
    state            TEXT NOT NULL,       -- here, leaving, gone (moving between shards)
    epoch            BIGINT NOT NULL,     -- raised by a restore; part of every JMAP state
    modseq           BIGINT NOT NULL,     -- last number given
    log_floor        BIGINT NOT NULL,     -- the change log is complete above this number
    last_uidvalidity BIGINT NOT NULL,
    quota_bytes      BIGINT NOT NULL,     -- 0: no limit
    quota_messages   BIGINT NOT NULL,     -- 0: no limit
    quota_mailboxes  BIGINT NOT NULL DEFAULT 0, -- 0: as many as an account may have
    used_bytes       BIGINT NOT NULL,     -- each email once, however many mailboxes hold it
    used_messages    BIGINT NOT NULL,
    wrapped_key      {{bytes}} NOT NULL   -- the account's key under the master key
);

-- Writes that must not run twice: the key the caller drew and the answer it got. Keys are drawn in order of time, so that
-- the rows of all accounts are added at one place.
CREATE TABLE done (
    account_id BIGINT NOT NULL,
    key        {{bytes}} NOT NULL,
    result     {{bytes}} NOT NULL,
    at         BIGINT NOT NULL,
    PRIMARY KEY (key, account_id)
) {{clustered}};
CREATE INDEX done_at ON done (at);

-- The change log. `kind` and `op` are tx.Kind and tx.Op; mailbox_id and uid are set for changes of a membership.
CREATE TABLE change (
    account_id BIGINT NOT NULL,
    modseq     BIGINT NOT NULL,
    seq        BIGINT NOT NULL,           -- order within one number
    kind       BIGINT NOT NULL,
    op         BIGINT NOT NULL,
    object_id  BIGINT NOT NULL,
    mailbox_id BIGINT NOT NULL,
    uid        BIGINT NOT NULL,
    at         BIGINT NOT NULL,
    PRIMARY KEY (account_id, modseq, seq)
) {{clustered}};

-------------------------------------------------------------------------------------------------------------- bodies

-- Sealed bodies. An object lives while a row of `blob` names it.
CREATE TABLE object (
    id       BIGINT PRIMARY KEY,
    location {{bytes}} NOT NULL,          -- where infra/blob put it
    size     BIGINT NOT NULL,             -- sealed bytes
    state    BIGINT NOT NULL,             -- 0 live, 1 doomed, 2 bytes removed
    changed  BIGINT NOT NULL              -- when it came into that state
);
CREATE INDEX object_state ON object (state, changed) WHERE state <> 0;

-- An account's view of a body.
CREATE TABLE blob (
    account_id  BIGINT NOT NULL,
    blob_id     {{bytes}} NOT NULL,       -- keyed hash of the content under the account's key
    object_id   BIGINT NOT NULL,
    wrapped_key {{bytes}} NOT NULL,       -- the object's key under the account's key
    size        BIGINT NOT NULL,          -- clear bytes
    holds       BIGINT NOT NULL,          -- emails and other rows of this account that name it
    expires     BIGINT NOT NULL,          -- an upload nobody names yet goes then; 0: held
    PRIMARY KEY (account_id, blob_id)
) {{clustered}};
CREATE INDEX blob_object ON blob (object_id);
CREATE INDEX blob_upload ON blob (account_id, expires) WHERE expires > 0;
CREATE INDEX blob_expires ON blob (expires) WHERE expires > 0;

-- Objects that lost a name and are to be looked at by the collector. The account that let go is in the key so that two
-- accounts, each under its own lock, never wait for each other here.
CREATE TABLE object_unnamed (
    object_id  BIGINT NOT NULL,
    account_id BIGINT NOT NULL,
    at         BIGINT NOT NULL,
    PRIMARY KEY (object_id, account_id)
);

-- Bodies in the store that no row of `object` leads to. What has been here for long is removed.
CREATE TABLE object_orphan (
    location {{bytes}} PRIMARY KEY,
    since    BIGINT NOT NULL,
    swept    BIGINT NOT NULL              -- the last sweep that met it
);

-- infra/blob/sql keeps bodies here.
CREATE TABLE blob_bytes (
    name  BIGINT NOT NULL,
    part  BIGINT NOT NULL,                -- a body is cut into parts so that no row is large
    bytes {{bytes}} NOT NULL,
    PRIMARY KEY (name, part)
);
{{if postgres}}
-- Sealed bytes do not get smaller: nothing tries.
ALTER TABLE blob_bytes ALTER COLUMN bytes SET STORAGE EXTERNAL;
{{end}}
------------------------------------------------------------------------------------------------------------- mailbox

CREATE TABLE mailbox (
    account_id     BIGINT NOT NULL,
    id             BIGINT NOT NULL,
    parent_id      BIGINT NOT NULL,       -- 0: top level
    name           TEXT NOT NULL,         -- one level, UTF-8 in NFC
    role           TEXT NOT NULL,         -- RFC 8621 role in lower case, '' for none
    subscribed     BIGINT NOT NULL,
    uidvalidity    BIGINT NOT NULL,
    uidnext        BIGINT NOT NULL,
    modseq         BIGINT NOT NULL,       -- last number that touched it or a message in it: HIGHESTMODSEQ
    meta_modseq    BIGINT NOT NULL,       -- last number that touched its own properties
    created_modseq BIGINT NOT NULL,
    messages       BIGINT NOT NULL,
    unseen         BIGINT NOT NULL,
    deleted        BIGINT NOT NULL,       -- messages with \Deleted (RFC 9051 STATUS DELETED)
    bytes          BIGINT NOT NULL,       -- RFC 8438 STATUS=SIZE
    recent_below   BIGINT NOT NULL,       -- uids from here on are \Recent to the next session that selects it
    sort_order     BIGINT NOT NULL,       -- RFC 8621 2
    unread         BIGINT NOT NULL,       -- messages with none of \Seen, \Draft and \Deleted
    PRIMARY KEY (account_id, id)
) {{clustered}};
CREATE UNIQUE INDEX mailbox_name ON mailbox (account_id, parent_id, name);

-- Annotations of mailboxes (RFC 5464), each seen by all or by one account alone.
CREATE TABLE annotation (
    account_id BIGINT NOT NULL,           -- whose mailbox it is
    mailbox_id BIGINT NOT NULL,           -- 0: of the server
    viewer_id  BIGINT NOT NULL,           -- /private: whose; 0: /shared
    entry      TEXT NOT NULL,             -- in small letters
    value      {{bytes}} NOT NULL,
    gone       BIGINT NOT NULL,           -- 1: it was removed; only the name is left
    modseq     BIGINT NOT NULL,           -- last number that touched it
    PRIMARY KEY (account_id, mailbox_id, viewer_id, entry)
) {{clustered}};
CREATE INDEX annotation_modseq ON annotation (account_id, modseq);

-- What accounts other than the owner may do with a mailbox (RFC 4314).
CREATE TABLE mailbox_right (
    account_id BIGINT NOT NULL,           -- the owner
    mailbox_id BIGINT NOT NULL,
    grantee_id BIGINT NOT NULL,           -- an account; 0: anyone who is signed in
    negative   BIGINT NOT NULL,           -- 1: these rights are taken away
    rights     BIGINT NOT NULL,           -- mail.Rights bits
    PRIMARY KEY (account_id, mailbox_id, grantee_id, negative)
) {{clustered}};
CREATE INDEX mailbox_right_grantee ON mailbox_right (grantee_id, account_id);

-- What somebody has changed of an account's rights to mailboxes of others (RFC 9670 3), the newest.
CREATE TABLE share_notice (
    account_id BIGINT NOT NULL,           -- whose rights they are
    id         BIGINT NOT NULL,
    by_id      BIGINT NOT NULL,           -- the account that has changed them
    owner_id   BIGINT NOT NULL,
    mailbox_id BIGINT NOT NULL,
    name       TEXT NOT NULL,             -- of the mailbox then
    old_rights BIGINT NOT NULL,           -- mail.Rights bits
    new_rights BIGINT NOT NULL,
    created    BIGINT NOT NULL,
    PRIMARY KEY (account_id, id)
) {{clustered}};

-- Names subscribed to that no mailbox bears (RFC 9051 6.3.7: the server must not unsubscribe by itself).
CREATE TABLE subscription (
    account_id BIGINT NOT NULL,
    path       TEXT NOT NULL,
    PRIMARY KEY (account_id, path)
) {{clustered}};

-- A message. Nothing of it ever changes: its flags are in its memberships, all of which have the same but for \Deleted.
CREATE TABLE email (
    account_id     BIGINT NOT NULL,
    id             BIGINT NOT NULL,
    thread_id      BIGINT NOT NULL,
    blob_id        {{bytes}} NOT NULL,
    size           BIGINT NOT NULL,
    received       BIGINT NOT NULL,       -- INTERNALDATE, receivedAt
    created_modseq BIGINT NOT NULL,
    summary        {{bytes}} NOT NULL,    -- rfc/message.Summary
    PRIMARY KEY (account_id, id)
) {{clustered}};

-- A thread has the id of its first email, which need not be looked for here: most emails are alone in theirs.
CREATE INDEX email_thread ON email (account_id, thread_id) WHERE thread_id <> id;

-- A message in a mailbox. Flags are here, so that listing them joins nothing and changing them writes small rows; what lists
-- are made and sorted by is repeated here.
CREATE TABLE membership (
    account_id BIGINT NOT NULL,
    mailbox_id BIGINT NOT NULL,
    uid        BIGINT NOT NULL,
    email_id   BIGINT NOT NULL,
    modseq     BIGINT NOT NULL,
    flags      BIGINT NOT NULL,           -- mail.Flag bits
    keywords   TEXT NOT NULL,             -- other keywords, sorted, separated by one space
    size       BIGINT NOT NULL,
    received   BIGINT NOT NULL,
    saved      BIGINT NOT NULL,           -- RFC 8514 SAVEDATE
    thread_id  BIGINT NOT NULL,
    sent       BIGINT NOT NULL,           -- the Date field, or `received` where there is none that can be read
    attachment BIGINT NOT NULL,           -- 1: it has one
    PRIMARY KEY (account_id, mailbox_id, uid)
) {{clustered}};
CREATE INDEX membership_email ON membership (account_id, email_id);
{{if sqlite}}
-- SQLite takes an account for ten rows where it knows nothing better, and then reads all of it rather than go by an index to single
-- emails. It is told what a large account looks like; nothing else analyzes.
ANALYZE email;
ANALYZE membership;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('membership', 'membership', '10000000 50000 5000 1'), ('membership', 'membership_email', '10000000 50000 2'),
    ('email', 'email', '10000000 50000 1'), ('email', 'email_thread', '5000000 25000 4');
ANALYZE sqlite_schema;
{{end}}
-- Which thread a message-id belongs to. The hash covers the id and the base subject (RFC 8621 3).
CREATE TABLE thread_ref (
    account_id BIGINT NOT NULL,
    hash       BIGINT NOT NULL,
    thread_id  BIGINT NOT NULL,
    PRIMARY KEY (account_id, hash)
) {{clustered}};

-- Threads whose mail gets the keyword $muted when it comes.
CREATE TABLE muted_thread (
    account_id BIGINT NOT NULL,
    thread_id  BIGINT NOT NULL,
    PRIMARY KEY (account_id, thread_id)
) {{clustered}};

-- Mail that is out of sight until a time, in the mailbox Snoozed (store/snooze).
CREATE TABLE snooze (
    account_id BIGINT NOT NULL,
    email_id   BIGINT NOT NULL,
    until      BIGINT NOT NULL,
    origin     TEXT NOT NULL,             -- the mailboxes it comes back to, separated by one space
    again      BIGINT NOT NULL,           -- it was being brought back, and is tried again then; 0: it was not
    PRIMARY KEY (account_id, email_id)
) {{clustered}};
CREATE INDEX snooze_until ON snooze (until);

-- Work of more than one commit that was begun: what a stopped process leaves here is brought to its end by another.
CREATE TABLE unfinished (
    account_id BIGINT NOT NULL,
    id         BIGINT NOT NULL,
    kind       BIGINT NOT NULL,           -- 1: a deleted mailbox is to be emptied, 2: a copy, undone if it does not end
    mailbox_id BIGINT NOT NULL,
    uids       TEXT NOT NULL,             -- what the copy has made in the mailbox, as a UID set
    at         BIGINT NOT NULL,           -- last step
    PRIMARY KEY (account_id, id)
) {{clustered}};

---------------------------------------------------------------------------------------------------------- text index

-- How far the text index of an account has come (store/search). An account without a row has no index yet.
CREATE TABLE text_index (
    account_id BIGINT PRIMARY KEY,
    format     BIGINT NOT NULL,           -- of what is kept of a message: one of another format is made anew
    generation BIGINT NOT NULL,           -- raised when it is made anew; segments of other generations do not count
    modseq     BIGINT NOT NULL,           -- the change log has been followed to here
    walk       BIGINT NOT NULL            -- it is being made: emails up to this id and modseq are in it; -1: all are
);

-- Pieces of the text index: the texts of some emails, sealed under the account's key. Never changed, but for `gone`.
CREATE TABLE text_segment (
    account_id BIGINT NOT NULL,
    id         BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    size       BIGINT NOT NULL,           -- clear bytes of the texts
    gone       BIGINT NOT NULL,           -- how many of the emails have been destroyed since
    lowest     BIGINT NOT NULL,           -- of `emails`
    highest    BIGINT NOT NULL,
    emails     {{bytes}} NOT NULL,        -- ids, ascending
    salt       {{bytes}} NOT NULL,        -- of the keys of what follows
    grams      {{bytes}} NOT NULL,        -- sealed filter: which groups of three bytes are in the texts
    text       {{bytes}} NOT NULL,        -- sealed texts
    PRIMARY KEY (account_id, id)
);
CREATE INDEX text_segment_gone ON text_segment (account_id) WHERE gone > 0;

--------------------------------------------------------------------------------------------------------------- spool

-- Accepted mail still owed to someone. The body is held by the spool's own account (mail.SpoolAccount).
CREATE TABLE spool_message (
    id            BIGINT PRIMARY KEY,
    format        BIGINT NOT NULL,        -- of `envelope`
    trace         TEXT NOT NULL,          -- the message's id in logs
    blob_id       {{bytes}} NOT NULL,
    size          BIGINT NOT NULL,        -- bytes of the content
    envelope      {{bytes}} NOT NULL,
    created       BIGINT NOT NULL,
    account_id    BIGINT NOT NULL,        -- whose history it has: who handed it in, or mail.SpoolAccount
    submission_id BIGINT NOT NULL,
    first         BIGINT NOT NULL,        -- number of its first recipient within the submission
    owed          BIGINT NOT NULL         -- recipients that are left: the message goes with the last
);
CREATE INDEX spool_trace ON spool_message (trace);
CREATE INDEX spool_submission ON spool_message (account_id, submission_id) WHERE submission_id <> 0;

-- A recipient waits (owner ''), is held by an operator, or is leased to one node, which tries it.
CREATE TABLE spool_recipient (
    spool_id  BIGINT NOT NULL,
    recipient BIGINT NOT NULL,            -- number within the envelope
    address   TEXT NOT NULL,
    domain    TEXT NOT NULL,              -- the destination: lower case, A-labels
    turn      BIGINT NOT NULL,            -- what comes first at a destination: the priority (RFC 6710), negated
    due       BIGINT NOT NULL,            -- next attempt
    attempts  BIGINT NOT NULL,
    deadline  BIGINT NOT NULL,            -- when the sender is to be told something, whatever comes until then; 0: not reckoned yet
    held      BIGINT NOT NULL,            -- 1: until the operator releases it
    warned    BIGINT NOT NULL,            -- when the sender was told that it takes long, 0: not yet
    owner     TEXT NOT NULL,              -- node that leases it, '' for none
    epoch     BIGINT NOT NULL,            -- the owner's epoch
    fence     BIGINT NOT NULL,            -- raised whenever it is taken
    last      TEXT NOT NULL,              -- last outcome's text
    PRIMARY KEY (spool_id, recipient)
) {{clustered}};

-- Which destinations have something due, and what a destination gets next. What waits for something else than time is in neither.
CREATE INDEX spool_due ON spool_recipient (due, domain) WHERE owner = '' AND held = 0;
CREATE INDEX spool_destination ON spool_recipient (domain, turn, due, spool_id, recipient) WHERE owner = '' AND held = 0;
CREATE INDEX spool_leased ON spool_recipient (owner, epoch, spool_id) WHERE owner <> '';
CREATE INDEX spool_held ON spool_recipient (domain, spool_id) WHERE held = 1;

-- Destinations to which nothing is sent until an operator releases them, with what comes meanwhile. '' is all of them.
CREATE TABLE spool_stopped (
    domain TEXT PRIMARY KEY,
    reason TEXT NOT NULL,
    since  BIGINT NOT NULL
);

-- Destinations at which an operator has had mail tried again: each node forgets the failures that it has seen there before.
CREATE TABLE spool_retried (
    domain TEXT PRIMARY KEY,
    at     BIGINT NOT NULL
);

------------------------------------------------------------------------------------------------------------- cluster

-- Which programs can use this database: those that know the schema from version oldest on. A step that shuts out others says so
-- (infra/db, migrate.go), raises it, and waits for them.
CREATE TABLE schema_reach (
    oldest BIGINT PRIMARY KEY
);
INSERT INTO schema_reach (oldest) VALUES (1);


-- The nodes that live (infra/cluster/members). Who finds that a node's time is over removes its row, and by that takes its
-- epoch: what the node has leased belongs to nobody from then on.
CREATE TABLE node (
    name    TEXT PRIMARY KEY,
    epoch   BIGINT NOT NULL,
    version TEXT NOT NULL,                -- the release it runs
    joined  BIGINT NOT NULL,
    expires BIGINT NOT NULL,              -- by the database's clock
    address TEXT NOT NULL DEFAULT '',     -- host:port where it listens for other nodes, '' where it does not
    state   TEXT NOT NULL DEFAULT '',     -- starting, serving, draining, drained
    wish    TEXT NOT NULL DEFAULT '',     -- what an operator wants of it: drain, or ''
    schema  BIGINT NOT NULL DEFAULT 0     -- the newest version that it knows
);

-- Work that one node must do at a time (infra/cluster/leases). Whoever takes it raises the fence, which the holder's commits check.
CREATE TABLE lease (
    name  TEXT PRIMARY KEY,
    owner TEXT NOT NULL,                  -- '' where nobody has it
    epoch BIGINT NOT NULL,
    fence BIGINT NOT NULL,
    since BIGINT NOT NULL,                -- held, or free
    every BIGINT NOT NULL,                -- milliseconds between the turns of work that comes again, 0 for work that lasts
    due   BIGINT NOT NULL                 -- when work that comes again is next done
);

---------------------------------------------------------------------------------------------------------- DKIM keys

-- Keys that domains here sign their mail with.
CREATE TABLE dkim_key (
    domain    TEXT NOT NULL,
    selector  TEXT NOT NULL,
    algorithm TEXT NOT NULL,              -- ed25519, rsa
    state     TEXT NOT NULL,              -- active, next, retired
    record    TEXT NOT NULL,              -- the text of the TXT record
    sealed    {{bytes}} NOT NULL,         -- the private key, sealed under a key derived from the master key
    created   BIGINT NOT NULL,
    changed   BIGINT NOT NULL,            -- when it came into its state
    PRIMARY KEY (domain, selector)
);

--------------------------------------------------------------------------------------------------------- submissions

-- Messages that accounts here have handed in, and of mail.SpoolAccount those that go on without: forwarded, to groups, reports.
-- What is still to be sent of them is in the spool.
CREATE TABLE submission (
    account_id   BIGINT NOT NULL,
    id           BIGINT NOT NULL,
    format       BIGINT NOT NULL,         -- of `recipients`
    trace        TEXT NOT NULL,           -- the message's id in logs
    reverse_path TEXT NOT NULL,
    message_id   TEXT NOT NULL,           -- without angle brackets
    env_id       TEXT NOT NULL,           -- RFC 3461 4.4, of our making: by it reports find back; '' where the sender chose one
    size         BIGINT NOT NULL,
    recipients   {{bytes}} NOT NULL,      -- in the order in which events and the spool count them
    created      BIGINT NOT NULL,
    due          BIGINT NOT NULL,         -- not sent before; until then it can be taken back
    email_id     BIGINT NOT NULL,         -- the sender's email that was sent, whose keywords say what became of it; 0 for none: JMAP shows those that have one
    thread_id    BIGINT NOT NULL,         -- of that
    identity_id  BIGINT NOT NULL,         -- who it was sent as, 0: nobody said
    envelope     {{bytes}} NOT NULL,      -- as JMAP shows it, empty where nobody said
    hidden       BIGINT NOT NULL,         -- 1: its sender has put the record away
    canceled     BIGINT NOT NULL,         -- 1: it was taken back for all recipients
    PRIMARY KEY (account_id, id)
) {{clustered}};
CREATE INDEX submission_created ON submission (account_id, created);
CREATE INDEX submission_due ON submission (due);
CREATE INDEX submission_trace ON submission (trace);
CREATE INDEX submission_id ON submission (id);
CREATE INDEX submission_message ON submission (account_id, message_id) WHERE message_id <> '';

-- What became of them, step by step.
CREATE TABLE submission_event (
    account_id    BIGINT NOT NULL,
    submission_id BIGINT NOT NULL,
    recipient     BIGINT NOT NULL,        -- number within `recipients`
    seq           BIGINT NOT NULL,
    kind          TEXT NOT NULL,          -- mail.EventKind
    at            BIGINT NOT NULL,
    who           TEXT NOT NULL,          -- mail.Event.By
    code          BIGINT NOT NULL,        -- of the reply, 0 for none
    enhanced      BIGINT NOT NULL,        -- class * 1000000 + subject * 1000 + detail
    reply         TEXT NOT NULL,
    PRIMARY KEY (account_id, submission_id, recipient, seq)
) {{clustered}};

-- What happened to submissions in commits that had not locked their account, whose change log is told after them.
CREATE TABLE submission_news (
    account_id    BIGINT NOT NULL,
    id            BIGINT NOT NULL,
    submission_id BIGINT NOT NULL,
    PRIMARY KEY (account_id, id)
) {{clustered}};

-- Reports about submissions that came to the mailbox of their sender.
CREATE TABLE submission_report (
    account_id    BIGINT NOT NULL,
    submission_id BIGINT NOT NULL,
    email_id      BIGINT NOT NULL,        -- the report, which may be gone by now
    receipt       BIGINT NOT NULL,        -- 1: it is an MDN, 0: a DSN
    PRIMARY KEY (account_id, submission_id, email_id)
) {{clustered}};

-- Mail in mailboxes here that an account here has submitted, and that was not displayed yet.
CREATE TABLE receipt (
    account_id    BIGINT NOT NULL,        -- who has it
    email_id      BIGINT NOT NULL,
    sender_id     BIGINT NOT NULL,        -- whose submission it is
    submission_id BIGINT NOT NULL,
    recipient     BIGINT NOT NULL,        -- number within `recipients`
    author        TEXT NOT NULL,          -- the address that it is from
    PRIMARY KEY (account_id, email_id)
) {{clustered}};
CREATE INDEX receipt_submission ON receipt (submission_id);

-------------------------------------------------------------------------------------------------------- certificates

-- What the server keeps of certificates it gets by itself: a tree of files by name, each sealed under the master key.
CREATE TABLE cert_file (
    name     TEXT PRIMARY KEY,
    size     BIGINT NOT NULL,             -- clear bytes
    modified BIGINT NOT NULL,
    sealed   {{bytes}} NOT NULL
);

-- Who orders certificates now. A row that nobody renews is taken over.
CREATE TABLE cert_lock (
    name  TEXT PRIMARY KEY,
    token TEXT NOT NULL,                  -- of this taking
    until BIGINT NOT NULL                 -- by the database's clock
);
---------------------------------------------------------------------------------------------------- TLS to other hosts

-- MTA-STS policies of other domains (RFC 8461), until they expire.
CREATE TABLE sts_policy (
    domain    TEXT PRIMARY KEY,
    record_id TEXT NOT NULL,              -- of the record that led to it
    policy    TEXT NOT NULL,              -- as it is published
    fetched   BIGINT NOT NULL,
    expires   BIGINT NOT NULL,
    failed    TEXT NOT NULL,              -- why it could not be renewed
    tried     BIGINT NOT NULL
);
CREATE INDEX sts_policy_expires ON sts_policy (expires);

-- How TLS to the hosts of other domains went, to be reported when the day is over (RFC 8460).
CREATE TABLE tls_result (
    day      BIGINT NOT NULL,             -- its beginning, UTC
    domain   TEXT NOT NULL,               -- whose owner is to be told
    hash     {{bytes}} NOT NULL,          -- of `result`
    result   {{bytes}} NOT NULL,          -- policy and failure
    sessions BIGINT NOT NULL,
    PRIMARY KEY (day, domain, hash)
) {{clustered}};

-- Reports that are owed to a web address. Those that go by mail are in the spool.
CREATE TABLE tls_post (
    id       BIGINT PRIMARY KEY,
    domain   TEXT NOT NULL,
    url      TEXT NOT NULL,
    report   {{bytes}} NOT NULL,
    due      BIGINT NOT NULL,             -- next attempt; moved on by who makes it
    attempts BIGINT NOT NULL
);
CREATE INDEX tls_post_due ON tls_post (due);

-- What an account may send, and how it likes it. An account without a row has what the server gives to all.
CREATE TABLE sending (
    account_id     BIGINT PRIMARY KEY,
    max_recipients BIGINT NOT NULL,       -- in 24 hours, -1: no limit, 0: the server's
    max_strangers  BIGINT NOT NULL,       -- of them such as it never wrote to before
    recipients     BIGINT NOT NULL,       -- used at `at`, thousandths; melts away over 24 hours
    strangers      BIGINT NOT NULL,
    at             BIGINT NOT NULL,
    sent_copy      BIGINT NOT NULL,       -- 1: what it submits is put into its mailbox Sent
    undo           BIGINT NOT NULL        -- milliseconds that each message is held, in which it can be taken back
);

-- To whom outside an account has written, which is what its budget of strangers goes by. People are in `contact`.
CREATE TABLE correspondent (
    account_id BIGINT NOT NULL,
    hash       BIGINT NOT NULL,           -- of the address
    PRIMARY KEY (account_id, hash)
) {{clustered}};

-------------------------------------------------------------------------------------------------------------- contacts

-- The people of an account: whom it has written to, has accepted, or blocks.
CREATE TABLE contact (
    account_id BIGINT NOT NULL,
    id         BIGINT NOT NULL,           -- a hash of the address
    address    TEXT NOT NULL,
    name       TEXT NOT NULL,
    standing   BIGINT NOT NULL,           -- 1: accepted, 2: blocked, 4: pierces quiet hours
    shown      BIGINT NOT NULL,           -- contacts.Consent: whether it learns that its mail was displayed
    days       BIGINT NOT NULL,           -- on which the account wrote there
    wrote      BIGINT NOT NULL,           -- the last of them, 0 for none
    created    BIGINT NOT NULL,
    own        {{bytes}} NOT NULL,        -- ids of the addresses the account has written from, 8 bytes each, that used last at first
    PRIMARY KEY (account_id, id)
) {{clustered}};
CREATE INDEX contact_wrote ON contact (account_id, wrote);
CREATE INDEX contact_blocked ON contact (account_id) WHERE (standing & 2) <> 0;

-- What an account lets others see. An account without a row has what the server gives to all.
CREATE TABLE sharing (
    account_id BIGINT PRIMARY KEY,
    presence   BIGINT NOT NULL,           -- 1: mutual contacts see that somebody is there
    typing     BIGINT NOT NULL,           -- 1: and is writing
    reading    BIGINT NOT NULL,           -- 1: and what they read
    displayed  BIGINT NOT NULL            -- contacts.Consent: who learns that mail was displayed
);

------------------------------------------------------------------------------------------------------------- web push

-- Where clients that are not connected want to be told of changes (RFC 8620 7.2).
CREATE TABLE push_subscription (
    account_id BIGINT NOT NULL,
    id         BIGINT NOT NULL,
    device     TEXT NOT NULL,             -- what the client calls itself
    url        TEXT NOT NULL,
    p256dh     {{bytes}} NOT NULL,        -- the client's public key, empty: messages are not encrypted
    auth       {{bytes}} NOT NULL,
    types      TEXT NOT NULL,             -- separated by one space; *: all
    code       TEXT NOT NULL,             -- that the client is to repeat
    verified   BIGINT NOT NULL,           -- 1: it has
    credential TEXT NOT NULL,             -- what it was signed in with
    expires    BIGINT NOT NULL,
    epoch      BIGINT NOT NULL,           -- of the state that was told last
    told       BIGINT NOT NULL,
    owed       BIGINT NOT NULL,           -- 1: there is something to be told, and somebody has begun to
    due        BIGINT NOT NULL,           -- not to be told before; moved on by who begins
    failures   BIGINT NOT NULL,           -- in a row
    PRIMARY KEY (account_id, id)
) {{clustered}};
CREATE INDEX push_subscription_due ON push_subscription (due) WHERE owed = 1;
CREATE INDEX push_subscription_expires ON push_subscription (expires);

------------------------------------------------------------------------------------------------------------ identities

-- Who an account writes as (RFC 8621 6).
CREATE TABLE identity (
    account_id BIGINT NOT NULL,
    id         BIGINT NOT NULL,
    standard   BIGINT NOT NULL,           -- 1: made by the server, for an address of the account
    email      TEXT NOT NULL,
    name       TEXT NOT NULL,
    settings   {{bytes}} NOT NULL,        -- the rest, as JSON
    PRIMARY KEY (account_id, id)
) {{clustered}};

-- What an account answers while its owner is away (RFC 8621 8). An account without a row has never said anything.
CREATE TABLE vacation (
    account_id BIGINT PRIMARY KEY,
    enabled    BIGINT NOT NULL,
    begins     BIGINT NOT NULL,           -- unix milliseconds, 0: at once
    ends       BIGINT NOT NULL,           -- 0: never
    subject    TEXT NOT NULL,
    text_body  TEXT NOT NULL,
    html_body  TEXT NOT NULL,
    given      BIGINT NOT NULL,           -- which of the texts were given: 1 subject, 2 text, 4 HTML
    changed    BIGINT NOT NULL            -- who was told before hears it again
);
CREATE INDEX vacation_enabled ON vacation (account_id) WHERE enabled = 1;

-- Whom it was answered to, and when: nobody hears it twice in a while.
CREATE TABLE vacation_told (
    account_id BIGINT NOT NULL,
    hash       {{bytes}} NOT NULL,        -- of the address
    at         BIGINT NOT NULL,
    PRIMARY KEY (account_id, hash)
) {{clustered}};
CREATE INDEX vacation_told_at ON vacation_told (at);

-- What an account wants to be notified of. One without a row wants all of it.
CREATE TABLE notification_rules (
    account_id BIGINT PRIMARY KEY,
    about      TEXT NOT NULL,             -- all, contacts, mentions, none
    content    BIGINT NOT NULL,           -- 1: sender, subject and preview are told
    urgent     BIGINT NOT NULL,           -- 1: urgent mail breaks through quiet hours
    quiet_from BIGINT NOT NULL,           -- minutes after midnight
    quiet_to   BIGINT NOT NULL,
    zone       TEXT NOT NULL              -- '': no quiet hours
);

------------------------------------------------------------------------------------------------------------ transfer

-- How far the copying of one database into another has come (store/transfer), in both of them. While there is a row in the
-- target it is not whole, and nobody serves it.
CREATE TABLE transfer (
    part      TEXT PRIMARY KEY,           -- a table; '': all of it
    token     TEXT NOT NULL,              -- of this transfer, the same in both databases
    state     BIGINT NOT NULL,            -- 0: begun; of a table 1: copied, 2: compared; of all 1: at rest and equal
    place     {{bytes}} NOT NULL,         -- of a table: rows up to this key are copied, or compared
    seq       BIGINT NOT NULL,            -- changes up to here are in what is copied of it
    row_count BIGINT NOT NULL             -- copied so far
);

-- Which rows have changed since a transfer has begun: triggers write it that are there as long. SQLite alone is copied from.
CREATE TABLE transfer_change (
    seq  INTEGER PRIMARY KEY,             -- the rowid
    part TEXT NOT NULL,                   -- the table
    k1   {{bytes}},                       -- the columns of its primary key, each in its own type
    k2   {{bytes}},
    k3   {{bytes}},
    k4   {{bytes}}
);
