/*
 * version.h - the version; NEWS says what each one brought.
 */
#ifndef LDA_VERSION_H
#define LDA_VERSION_H

#define VERSION "0.1"

#endif
