-- +goose Up
CREATE TABLE account (id BIGINT PRIMARY KEY, counter BIGINT NOT NULL);
CREATE TABLE item (
    account BIGINT NOT NULL,
    uid     BIGINT NOT NULL,
    flags   BIGINT NOT NULL,
    modseq  BIGINT NOT NULL,
    email   BIGINT NOT NULL,
    name    TEXT {{binary}},
    body    {{bytes}},
    PRIMARY KEY (account, uid)
) {{clustered}};
CREATE TABLE done (account BIGINT NOT NULL, key {{bytes}} NOT NULL, result {{bytes}}, PRIMARY KEY (account, key)) {{clustered}};
