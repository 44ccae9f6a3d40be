# What the phone knows of its apps: /data/app/PACKAGE/manifest, lines of NAME=VALUE that farm/virtual/packages.py writes.

# installed PACKAGE
installed() {
  case "$1" in '' | .* | */*) return 1 ;; esac
  [ -r "/data/app/$1/manifest" ]
}

# field PACKAGE NAME: a line of its manifest, into REPLY
field() {
  local line
  while IFS= read -r line; do
    [ "${line%%=*}" = "$2" ] && REPLY=${line#*=} && return
  done < "/data/app/$1/manifest"
  REPLY=
  return 1
}

# com.example/.Main -> com.example/com.example.Main
whole() {
  case "${1#*/}" in .*) REPLY=${1%%/*}/${1%%/*}${1#*/} ;; *) REPLY=$1 ;; esac
}

# com.example/com.example.Main -> com.example/.Main
short() {
  local package=${1%%/*} class=${1#*/}
  case "$class" in "$package".*) REPLY=$package/${class#"$package"} ;; *) REPLY=$package/$class ;; esac
}
