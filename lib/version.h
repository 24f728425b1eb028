/*
 * What uname(2) and /proc/version say. The release has the form that C
 * libraries take apart; the version no date: two builds say the same.
 */
#ifndef LIB_VERSION_H
#define LIB_VERSION_H

#define QUIRE_SYSNAME	"Linux"
#define QUIRE_RELEASE	"6.1.0-quire"
#define QUIRE_VERSION	"#1 Quire"

#endif
