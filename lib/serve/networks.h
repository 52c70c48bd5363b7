/*
 * networks.h - which addresses may connect.
 *
 * Source: postconf(5) mynetworks: "127.0.0.0/8", "[::1]/128", "192.0.2.7".
 */
#ifndef SERVE_NETWORKS_H
#define SERVE_NETWORKS_H

#include "config/setting.h"

/* Whether each word is a network; why names the one that is not. */
int networks_check(
    const struct setting_list *list, struct status *why) MUST_CHECK;

/* Whether the numeric address is in one of them.  An IPv4 address that is
 * written as IPv6 (::ffff:192.0.2.7) is the IPv4 one. */
bool networks_contain(const struct setting_list *list, struct str address);

#endif
