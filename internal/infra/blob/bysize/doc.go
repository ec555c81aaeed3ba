// Package bysize puts small bodies into one store and large ones into another: a row of a database costs less than a request
// to an S3 service, and a large body is better kept away from the database.
//
// What is large is decided when a body is put. A Location tells by itself which of the two stores has it, so the threshold may
// change at any time, and differ between nodes.
//
// A body is held in memory up to the threshold while its size is not known.
package bysize
