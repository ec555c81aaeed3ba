package main

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// asOwner makes root the user that the data folder belongs to: what a command writes there the server must be able to use.
// Ports that only root may open are for serve.
func asOwner(folder string) error {
	if os.Getuid() != 0 {
		return nil
	}
	info, err := os.Stat(folder)
	if err != nil {
		return nil // whoever uses the folder says so
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || owner.Uid == 0 {
		return nil
	}
	if err := errors.Join(syscall.Setgroups([]int{int(owner.Gid)}), syscall.Setgid(int(owner.Gid)), syscall.Setuid(int(owner.Uid))); err != nil {
		return fmt.Errorf("become the user that %s belongs to: %w", folder, err)
	}
	return nil
}
