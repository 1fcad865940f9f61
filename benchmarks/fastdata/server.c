/* As much of S3 as a benchmark of clients needs, at the least cost: so that what is measured is the client.
 *
 *     gcc -O2 -pthread server.c -o server && ./server FOLDER    prints its port
 *
 * Objects are files: FOLDER/bucket/key, sent by sendfile. What is uploaded is thrown away, unread where the system can.
 * GET with ranges and If-Match, HEAD, ListObjectsV2, PUT, multipart uploads. 127.0.0.1 only; nothing is signed or checked.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *folder;

typedef struct {
    char method[8], path[2048], query[2048], range[64], if_match[80];
    long long length;
    int expects;
} Request;

static int send_all(int socket, const char *data, size_t size, int flags) {
    while (size) {
        ssize_t sent = send(socket, data, size, flags | MSG_NOSIGNAL);
        if (sent <= 0) return -1;
        data += sent, size -= sent;
    }
    return 0;
}

static int answer(int socket, const char *status, const char *headers, const char *body, int is_head) {
    char head[1024];
    int size = snprintf(head, sizeof head, "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n", status, headers, strlen(body));
    if (send_all(socket, head, size, 0)) return -1;
    return is_head ? 0 : send_all(socket, body, strlen(body), 0);
}

static void unquote(char *text) {
    char *to = text;
    for (; *text; text++, to++) {
        unsigned code;
        if (*text == '%' && sscanf(text + 1, "%2x", &code) == 1) *to = code, text += 2;
        else *to = *text;
    }
    *to = 0;
}

/* The value of a field of the query; empty if there is none. */
static void field(const char *query, const char *name, char *value, size_t size) {
    size_t length = strlen(name);
    *value = 0;
    for (const char *at = query; at && *at; at = strchr(at, '&') ? strchr(at, '&') + 1 : NULL) {
        if (strncmp(at, name, length) || (at[length] != '=' && at[length] != '&' && at[length])) continue;
        const char *from = at[length] == '=' ? at + length + 1 : "1";
        size_t end = strcspn(from, "&");
        snprintf(value, size, "%.*s", (int)end, from);
        unquote(value);
        return;
    }
}

static void etag_of(const struct stat *status, char *etag) {
    sprintf(etag, "\"%016llx%016llx\"", (unsigned long long)status->st_mtime, (unsigned long long)status->st_size);
}

static int send_object(int socket, const Request *request, int is_head) {
    char file[4096], headers[512], etag[40], range[128] = "";
    struct stat status;
    snprintf(file, sizeof file, "%s%s", folder, request->path);
    int descriptor = open(file, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0 || fstat(descriptor, &status) || !S_ISREG(status.st_mode)) {
        if (descriptor >= 0) close(descriptor);
        return answer(socket, "404 Not Found", "", "<Error><Code>NoSuchKey</Code></Error>", is_head);
    }
    etag_of(&status, etag);
    if (*request->if_match && strcmp(request->if_match, etag)) {
        close(descriptor);
        return answer(socket, "412 Precondition Failed", "", "<Error><Code>PreconditionFailed</Code></Error>", is_head);
    }
    long long start = 0, stop = status.st_size, first, last;
    if (sscanf(request->range, "bytes=%lld-%lld", &first, &last) == 2 && first >= 0) start = first, stop = last + 1;
    else if (sscanf(request->range, "bytes=-%lld", &last) == 1) start = status.st_size - last;
    else if (sscanf(request->range, "bytes=%lld-", &first) == 1) start = first;
    if (start < 0) start = 0;
    if (stop > status.st_size) stop = status.st_size;
    if (*request->range)
        sprintf(range, "Content-Range: bytes %lld-%lld/%lld\r\n", start, stop - 1, (long long)status.st_size);
    int size = snprintf(headers, sizeof headers,
                        "HTTP/1.1 %s\r\nETag: %s\r\nAccept-Ranges: bytes\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
                        "%sContent-Length: %lld\r\n\r\n",
                        *request->range ? "206 Partial Content" : "200 OK", etag, range, stop - start);
    int failed = send_all(socket, headers, size, is_head ? 0 : MSG_MORE);
    off_t at = start;
    while (!failed && !is_head && at < stop) failed = sendfile(socket, descriptor, &at, stop - at) <= 0;
    close(descriptor);
    return failed ? -1 : 0;
}

typedef struct {
    char **keys;
    size_t count, room;
} Keys;

static void collect(const char *place, const char *key, Keys *keys) {
    DIR *opened = opendir(place);
    for (struct dirent *entry; opened && (entry = readdir(opened));) {
        char inner[4096], name[4096];
        if (*entry->d_name == '.') continue;
        snprintf(inner, sizeof inner, "%s/%s", place, entry->d_name);
        snprintf(name, sizeof name, "%s%s%s", key, *key ? "/" : "", entry->d_name);
        if (entry->d_type == DT_DIR) {
            collect(inner, name, keys);
            continue;
        }
        if (keys->count == keys->room) keys->keys = realloc(keys->keys, (keys->room = 2 * keys->room + 64) * sizeof(char *));
        keys->keys[keys->count++] = strdup(name);
    }
    if (opened) closedir(opened);
}

static int by_name(const void *left, const void *right) { return strcmp(*(char **)left, *(char **)right); }

static int send_listing(int socket, const Request *request) {
    char prefix[1024], after[1024], place[4096];
    field(request->query, "prefix", prefix, sizeof prefix);
    field(request->query, "continuation-token", after, sizeof after);
    snprintf(place, sizeof place, "%s%s", folder, request->path);
    Keys keys = {0};
    collect(place, "", &keys);
    qsort(keys.keys, keys.count, sizeof(char *), by_name);
    size_t room = 1 << 20, size = 0, listed = 0;
    char *body = malloc(room), *last = NULL;
    size += sprintf(body, "<?xml version=\"1.0\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
                          "<Name>%s</Name><Prefix>%s</Prefix><MaxKeys>1000</MaxKeys>", request->path + 1, prefix);
    for (size_t at = 0; at < keys.count; at++) {
        char *key = keys.keys[at], file[8192], etag[40];
        struct stat status;
        if (strncmp(key, prefix, strlen(prefix)) || (*after && strcmp(key, after) <= 0)) continue;
        if (listed == 1000) {
            size += sprintf(body + size, "<IsTruncated>true</IsTruncated><NextContinuationToken>%s</NextContinuationToken>", last);
            break;
        }
        snprintf(file, sizeof file, "%s/%s", place, key);
        if (stat(file, &status)) continue;
        etag_of(&status, etag);
        size += sprintf(body + size, "<Contents><Key>%s</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
                        "<ETag>%s</ETag><Size>%lld</Size><StorageClass>STANDARD</StorageClass></Contents>",
                        key, etag, (long long)status.st_size);
        last = key, listed++;
        if (size + 4096 > room) body = realloc(body, room *= 2);
    }
    sprintf(body + size, "<KeyCount>%zu</KeyCount></ListBucketResult>", listed);
    int failed = answer(socket, "200 OK", "Content-Type: application/xml\r\n", body, 0);
    for (size_t at = 0; at < keys.count; at++) free(keys.keys[at]);
    free(keys.keys), free(body);
    return failed;
}

static int drop_body(int socket, const Request *request, long long have) {
    static char nowhere[1 << 20];
    if (request->expects && send_all(socket, "HTTP/1.1 100 Continue\r\n\r\n", 25, 0)) return -1;
    for (long long left = request->length - have; left > 0;) {
        ssize_t count = recv(socket, nowhere, left < (1 << 20) ? left : 1 << 20, MSG_TRUNC);
        if (count <= 0) return -1;
        left -= count;
    }
    return 0;
}

static int handle(int socket, const Request *request) {
    static const char *done = "ETag: \"00000000000000000000000000000001\"\r\n";
    char text[64];
    if (!strcmp(request->method, "GET") || !strcmp(request->method, "HEAD")) {
        int is_head = *request->method == 'H', is_bucket = !strchr(request->path + 1, '/');
        if (!is_bucket) return send_object(socket, request, is_head);
        field(request->query, "location", text, sizeof text);
        if (is_head || *text) return answer(socket, "200 OK", "", *text ? "<LocationConstraint/>" : "", is_head);
        return send_listing(socket, request);
    }
    if (!strcmp(request->method, "PUT")) return answer(socket, "200 OK", done, "", 0);
    if (!strcmp(request->method, "DELETE")) return answer(socket, "204 No Content", "", "", 1);
    field(request->query, "uploads", text, sizeof text);
    if (*text)
        return answer(socket, "200 OK", "", "<InitiateMultipartUploadResult><Bucket>b</Bucket><Key>k</Key>"
                      "<UploadId>1</UploadId></InitiateMultipartUploadResult>", 0);
    return answer(socket, "200 OK", "", "<CompleteMultipartUploadResult><Bucket>b</Bucket><Key>k</Key>"
                  "<ETag>\"00000000000000000000000000000001-1\"</ETag></CompleteMultipartUploadResult>", 0);
}

static void *serve(void *argument) {
    int socket = (int)(long)argument;
    char buffer[16384];
    size_t have = 0;
    for (;;) {
        char *end;
        buffer[have] = 0;
        while (!(end = strstr(buffer, "\r\n\r\n"))) {
            ssize_t count = have + 1 < sizeof buffer ? recv(socket, buffer + have, sizeof buffer - 1 - have, 0) : 0;
            if (count <= 0) goto over;
            buffer[have += count] = 0;
        }
        *end = 0;
        Request request = {0};
        char target[4096] = "";
        sscanf(buffer, "%7s %4095s", request.method, target);
        char *query = strchr(target, '?');
        if (query) *query = 0, snprintf(request.query, sizeof request.query, "%s", query + 1);
        unquote(target);
        if (strlen(target) > 1 && target[strlen(target) - 1] == '/') target[strlen(target) - 1] = 0;
        snprintf(request.path, sizeof request.path, "%s", target);
        if (strstr(request.path, "..")) goto over;
        for (char *line = strstr(buffer, "\r\n"); line; line = strstr(line + 2, "\r\n")) {
            char *value = line + 2 + strcspn(line + 2, ":") + 1;
            value += *value == ' ';
            size_t size = strcspn(value, "\r");
            if (!strncasecmp(line + 2, "Range:", 6)) snprintf(request.range, 64, "%.*s", (int)size, value);
            if (!strncasecmp(line + 2, "If-Match:", 9)) snprintf(request.if_match, 80, "%.*s", (int)size, value);
            if (!strncasecmp(line + 2, "Content-Length:", 15)) request.length = atoll(value);
            if (!strncasecmp(line + 2, "Expect:", 7)) request.expects = 1;
        }
        size_t used = end + 4 - buffer;
        long long body = (long long)(have - used) < request.length ? (long long)(have - used) : request.length;
        if (drop_body(socket, &request, body) || handle(socket, &request)) goto over;
        memmove(buffer, buffer + used + body, have -= used + body);
    }
over:
    close(socket);
    return NULL;
}

int main(int count, char **arguments) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    if (count != 2) return 2;
    folder = arguments[1];
    signal(SIGPIPE, SIG_IGN);
    if (bind(listener, (void *)&address, size) || listen(listener, 1024) || getsockname(listener, (void *)&address, &size))
        return 1;
    printf("%d\n", ntohs(address.sin_port)), fflush(stdout);
    for (;;) {
        pthread_t thread;
        int accepted = accept(listener, NULL, NULL);
        if (accepted < 0) continue;
        setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (pthread_create(&thread, NULL, serve, (void *)(long)accepted)) close(accepted);
        else pthread_detach(thread);
    }
}
