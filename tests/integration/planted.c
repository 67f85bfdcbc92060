/* A "compiler" that the tests plant: it reports where it is, from the inside, as key=value lines on
 * stderr, and gives back a copy of itself as its artifact, so that the run stage reports the same.
 *
 *   planted [ARTIFACT]      STAY in the environment: until it is killed
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

static void say(const char *key, const char *value) {
    fprintf(stderr, "%s=%s\n", key, value);
}

/* Every line of a file of /proc as key=line. */
static void say_file(const char *key, const char *path) {
    char line[4096];
    FILE *f = fopen(path, "re");
    if (!f)
        say(key, strerror(errno));
    while (f && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = '\0';
        say(key, line);
    }
    if (f)
        fclose(f);
}

static void say_folder(const char *key, const char *path) {
    DIR *d = opendir(path);
    if (!d)
        say(key, strerror(errno));
    for (struct dirent *e; d && (e = readdir(d));)
        if (e->d_name[0] != '.' &&
            (strcmp(path, "/proc/self/fd") != 0 || atoi(e->d_name) != dirfd(d)))
            say(key, e->d_name);
    if (d)
        closedir(d);
}

static void say_result(const char *key, long result) {
    say(key, result < 0 ? strerrorname_np(errno) : "ok");
}

static void say_interfaces(void) {
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    struct if_nameindex *list = if_nameindex();
    if (!list)
        say("interface", strerrorname_np(errno));
    for (struct if_nameindex *i = list; i && i->if_name; i++) {
        struct ifreq r = {0};
        char text[64];
        snprintf(r.ifr_name, sizeof r.ifr_name, "%s", i->if_name);
        int known = ioctl(s, SIOCGIFFLAGS, &r);
        snprintf(text, sizeof text, "%s %s", i->if_name,
                 known < 0              ? strerrorname_np(errno)
                 : r.ifr_flags & IFF_UP ? "up"
                                        : "down");
        say("interface", text);
    }
    if_freenameindex(list);
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(80), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    say_result("connect",
               connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&to, sizeof to));
}

static void say_attempts(void) {
    say_result("unshare", unshare(CLONE_NEWUSER));
    say_result("mount", mount("none", "/tmp", "tmpfs", 0, NULL));
    say_result("setuid", setuid(0));
    say_result("open shadow", open("/etc/shadow", O_RDONLY));
    say_result("open memory", open("/proc/1/mem", O_RDONLY));
    say_result("open environ", open("/proc/1/environ", O_RDONLY));
    say_result("write root", open("/x", O_WRONLY | O_CREAT, 0600));
    say_result("write usr", open("/usr/x", O_WRONLY | O_CREAT, 0600));
    say_result("write box", open("/box/planted-was-here", O_WRONLY | O_CREAT, 0600));
    say_result("raw socket", socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
    say_result("vsock", socket(AF_VSOCK, SOCK_STREAM, 0));
}

static int copy_self(const char *to) {
    char bytes[65536];
    int in = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
    ssize_t n = 0;
    while (in >= 0 && out >= 0 && (n = read(in, bytes, sizeof bytes)) > 0)
        if (write(out, bytes, (size_t)n) != n)
            return 1;
    return in < 0 || out < 0 || n < 0;
}

int main(int argc, char **argv) {
    char text[256];
    if (getuid() == 0) /* not in a sandbox: what it attempts must not succeed there */
        return 2;
    snprintf(text, sizeof text, "%d %d", (int)getuid(), (int)getgid());
    say("ids", text);
    say_file("uid_map", "/proc/self/uid_map");
    say_file("gid_map", "/proc/self/gid_map");
    say_file("status", "/proc/self/status");
    say_file("mountinfo", "/proc/self/mountinfo");
    say_file("cgroup", "/proc/self/cgroup");
    say_folder("fd", "/proc/self/fd");
    say_folder("process", "/proc");
    say_folder("root", "/");
    say_folder("device", "/dev");
    say_folder("etc", "/etc");
    gethostname(text, sizeof text);
    say("host name", text);
    for (char **e = environ; *e; e++)
        say("environment", *e);
    say_interfaces();
    say_attempts();
    if (getenv("STAY"))
        for (;;)
            pause();
    return argc > 1 ? copy_self(argv[1]) : 0;
}
