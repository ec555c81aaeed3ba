package main

import "github.com/mailmesh/mailmesh/bench/page"

type pageCommand struct {
	Result string `arg:"" help:"A result that run has written, of two servers." type:"existingfile"`
	Page   string `default:"docs/performance.md" placeholder:"FILE" help:"The page; its picture is put beside it."`
}

func (c *pageCommand) Run() error { return page.Write(c.Page, c.Result) }
