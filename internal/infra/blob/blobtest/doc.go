// Package blobtest holds every blob.Store to the contract. A store joins with a few lines:
//
//	func TestContract(t *testing.T) {
//		blobtest.Run(t, func(t testing.TB) blob.Store { return open(t) })
//	}
//
// Memory is a store in memory for the tests of other rooms.
package blobtest
