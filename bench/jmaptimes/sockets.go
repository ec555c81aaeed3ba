package jmaptimes

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/mailmesh/mailmesh/bench/measure"
	"github.com/mailmesh/mailmesh/bench/proc"
	"github.com/mailmesh/mailmesh/jmap"
)

// SocketsOptions: Count WebSockets are opened over the accounts in turn, and listen.
type SocketsOptions struct {
	Server   Server
	Accounts []measure.Account
	Count    int
	Rest     func(context.Context) error // brings the server to rest before its memory is read
}

// SocketsResult is what they cost the server.
type SocketsResult struct {
	Sockets int
	PSSEach float64 // KiB
}

const (
	socketsPerHost = 100 // less than servers let one host have
	socketsAtOnce  = 8   // being opened
)

// Sockets measures the server's memory before and after. At the end every socket must still answer.
func Sockets(ctx context.Context, o SocketsOptions) (*SocketsResult, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	before, err := o.memory(ctx)
	if err != nil {
		return nil, err
	}
	sockets := make([]*jmap.Socket, o.Count)
	defer func() {
		for _, s := range sockets {
			if s != nil {
				s.Close()
			}
		}
	}()
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(socketsAtOnce)
	for i := range sockets {
		g.Go(func() (err error) {
			sockets[i], err = o.open(ctx, gctx, i)
			return err
		})
	}
	if err := errors.Join(ctx.Err(), g.Wait()); err != nil {
		return nil, err
	}
	after, err := o.memory(ctx)
	if err != nil {
		return nil, err
	}
	for i, s := range sockets {
		var b jmap.Batch
		echo := jmap.Add[map[string]int](&b, "Core/echo", map[string]int{"i": i})
		if err := s.Do(ctx, &b); err != nil || echo.Value["i"] != i {
			return nil, fmt.Errorf("socket %d was dropped: %w", i+1, errors.Join(err, echo.Err))
		}
	}
	return &SocketsResult{o.Count, float64(after.PSS-before.PSS) / 1024 / float64(o.Count)}, nil
}

func (o *SocketsOptions) memory(ctx context.Context) (proc.Memory, error) {
	if o.Rest != nil {
		if err := o.Rest(ctx); err != nil {
			return proc.Memory{}, err
		}
	}
	return proc.System.Memory(o.Server.PIDs...)
}

// open opens socket i, which stays open for as long as ctx lasts.
func (o *SocketsOptions) open(ctx, opening context.Context, i int) (*jmap.Socket, error) {
	c, err := o.Server.client(opening, o.Accounts[i%len(o.Accounts)], 1+i/socketsPerHost)
	if err != nil {
		return nil, fmt.Errorf("socket %d: %w", i+1, err)
	}
	s, err := c.Connect(opening)
	if err != nil {
		return nil, fmt.Errorf("socket %d: %w", i+1, err)
	}
	return s, s.Listen(ctx, []string{"Email", "Mailbox"}, "")
}
