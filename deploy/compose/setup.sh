#!/bin/sh
# What a pipeline and an operator do once, for deploy/compose.yaml; harmless when it is done again.
set -eu
dir=/var/lib/migd
export MIGCTL_CONFIG=$dir/admin.conf MIGCTL_SERVER=migd:7433
if [ ! -e "$dir/identities/application.key" ]; then
  migd identity add application --role admin --dir "$dir"
fi
migctl catalog push /catalog -c shop
if ! migctl target show shop >/dev/null 2>&1; then
  printf owner-of-the-example | migctl target add shop -c shop --password-file - \
    --url 'postgresql://shop_owner@database:5432/shop?sslmode=disable'
fi
